"""What revisions do besides changing tables: their rows, or different things on different engines."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

# Not in the body of a trigger or a function.
WRITES = re.compile(
    r"\s*(?:WITH\b(?!.*\bCREATE\b).*?\b)?(?:INSERT|UPDATE|DELETE|REPLACE|MERGE|TRUNCATE)\b", re.I | re.S
)
CALLED = {"bulk_insert", "autocommit_block", "add_all", "bulk_save_objects", "bulk_insert_mappings"}
BUILT = {"insert", "update", "delete", "merge"}
# Rights, roles, settings of the server: they are in no schema.
OUTSIDE = re.compile(
    r"\s*(?:GRANT|REVOKE|ALTER\s+(?:DATABASE|ROLE|USER|SYSTEM|DEFAULT)|"
    r"CREATE\s+(?:ROLE|USER|DATABASE)|REASSIGN|SECURITY|SET\s+(?:GLOBAL|PERSIST)|INSTALL|VACUUM)\b",
    re.I,
)


def changes_rows(path: Path) -> bool:
    """Whether upgrade() of this file writes rows, as far as its text shows; a batch of statements counts."""
    return any(_writes(node) for node in _reached(path))


def outside(path: Path) -> list[str]:
    """Return the statements of upgrade() whose effect is in no schema, or in part only."""
    return [
        " ".join(node.value.split())[:80]
        for node in _reached(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and OUTSIDE.match(node.value)
    ]


def databases(path: Path) -> set[str]:
    """Return the suffixes of its functions upgrade…(): "" and one for each bind that it touches."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    return {name.removeprefix("upgrade") for name in names if re.fullmatch(r"upgrade(_\w+)?", name)}


def asks_for_engine(path: Path) -> bool:
    """Whether upgrade() does different things on different engines."""
    names = {node.attr for node in _reached(path) if isinstance(node, ast.Attribute)}
    return "dialect" in names


def _reached(path: Path) -> Iterator[ast.AST]:
    """What is in upgrade(), in the functions that it calls, and in the constants of the file."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    reached = [function for name, function in functions.items() if name.startswith("upgrade")]
    for function in reached:  # it grows by the functions that are called
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


def _writes(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(WRITES.match(node.value)) and " " in node.value.strip()
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in CALLED:
        return True
    # sa.update(table), update(table), table.update(); but not found.update(more) of a dictionary
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    of_sqlalchemy = owner is None or ast.unparse(owner) in {"sa", "sqlalchemy", "sql"}
    return called in BUILT and (of_sqlalchemy or not node.args)
