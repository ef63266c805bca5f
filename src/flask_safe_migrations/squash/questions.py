"""Finds what folded revisions do besides changing the schema, which a baseline may not repeat."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from .selection import Fold
from .state import TableKey

# Statements that write rows; not those in the body of a trigger or a function.
ROW_STATEMENT = re.compile(
    r"\s*(?:WITH\b(?!.*\bCREATE\b).*?\b)?(?:INSERT|UPDATE|DELETE|REPLACE|MERGE|TRUNCATE)\b", re.I | re.S
)
# Calls that write rows: of `op` and of a session.
ROW_CALLS = {"bulk_insert", "autocommit_block", "add_all", "bulk_save_objects", "bulk_insert_mappings"}
# Constructs of SQLAlchemy.
ROW_CONSTRUCTS = {"insert", "update", "delete", "merge"}
# Privileges, roles, settings of the server: no schema contains them.
SERVER_STATEMENT = re.compile(
    r"\s*(?:GRANT|REVOKE|ALTER\s+(?:DATABASE|ROLE|USER|SYSTEM|DEFAULT)|"
    r"CREATE\s+(?:ROLE|USER|DATABASE)|REASSIGN|SECURITY|SET\s+(?:GLOBAL|PERSIST)|INSTALL|VACUUM)\b",
    re.I,
)


class Question(NamedTuple):
    """Something that a folded revision does, and what the baseline does about it."""

    file: str
    description: str


def list_questions(fold: Fold, filled: Iterable[TableKey], engine: str, known: set[str]) -> list[Question]:
    """Return what the developer has to confirm before the squash.

    :param filled: the tables whose rows the baseline inserts.
    :param engine: the title of the database, as "PostgreSQL".
    :param known: the suffixes of upgrade…() that configured databases have.
    """
    questions = []
    for revision in fold.folded:
        path = Path(revision.path)
        if getattr(revision.module, "replaces", None):
            continue  # an earlier baseline, which was confirmed then
        if changes_rows(path):
            text = path.read_text(encoding="utf-8")
            carried = sorted(name for _, name in filled if re.search(rf"\b{re.escape(name)}\b", text))
            effect = "new databases have no rows to change"
            if carried:
                effect = f"the rows of {', '.join(carried)} are carried over"
            questions.append(Question(path.name, f"changes rows: {effect}"))
        questions += [
            Question(
                path.name, f"{sql}: only privileges on tables, views and sequences (PostgreSQL) are kept"
            )
            for sql in server_statements(path)
        ]
        questions += [
            Question(path.name, f"upgrade{suffix}() belongs to no configured database and is not kept")
            for suffix in sorted(upgrade_suffixes(path) - known)
        ]
        if depends_on_dialect(path):
            questions.append(
                Question(
                    path.name, f"does different things on each database: only those on {engine} are kept"
                )
            )
    return questions


def changes_rows(path: Path) -> bool:
    """Whether upgrade() of this file writes rows, as far as its code shows."""
    return any(_writes_rows(node) for node in _reachable_nodes(path))


def server_statements(path: Path) -> list[str]:
    """Return the statements of upgrade() whose effect no schema contains, or only in part."""
    return [
        " ".join(node.value.split())[:80]
        for node in _reachable_nodes(path)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and SERVER_STATEMENT.match(node.value)
    ]


def upgrade_suffixes(path: Path) -> set[str]:
    """Return the suffixes of the functions upgrade…(): "" and one for each bind."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    return {name.removeprefix("upgrade") for name in names if re.fullmatch(r"upgrade(_\w+)?", name)}


def depends_on_dialect(path: Path) -> bool:
    """Whether upgrade() does different things on different databases."""
    names = {node.attr for node in _reachable_nodes(path) if isinstance(node, ast.Attribute)}
    return "dialect" in names


def _reachable_nodes(path: Path) -> Iterator[ast.AST]:
    """Yield the nodes of upgrade(), of the functions that it calls, and of the constants that these use."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    reached = [function for name, function in functions.items() if name.startswith("upgrade")]
    for function in reached:  # the list grows by the functions that are called
        names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        reached += [functions[name] for name in names & functions.keys() if functions[name] not in reached]
    names = {node.id for function in reached for node in ast.walk(function) if isinstance(node, ast.Name)}
    constants = [
        node.value
        for node in module.body
        if isinstance(node, ast.Assign) and names & {ast.unparse(target) for target in node.targets}
    ]
    for part in (*reached, *constants):
        docstring = ast.get_docstring(part, clean=False) if isinstance(part, ast.FunctionDef) else None
        for node in ast.walk(part):
            if not (docstring and isinstance(node, ast.Constant) and node.value == docstring):
                yield node


def _writes_rows(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return (
            isinstance(node.value, str)
            and bool(ROW_STATEMENT.match(node.value))
            and " " in node.value.strip()
        )
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in ROW_CALLS:
        return True
    # sa.update(table), update(table), table.update(); but not values.update(others) of a dictionary
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    of_sqlalchemy = owner is None or ast.unparse(owner) in {"sa", "sqlalchemy", "sql"}
    return called in ROW_CONSTRUCTS and (of_sqlalchemy or not node.args)
