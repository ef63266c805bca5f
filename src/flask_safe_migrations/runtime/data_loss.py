"""A downgrade that loses rows outside development needs confirmation.

The confirmation is --yes, or `-x yes` with plain alembic. What a downgrade drops is read from its file.
Running it would not be safe: it may access the database without `op`, or access another system.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy import Connection, MetaData, column, func, inspect, select, table

from .. import _compat
from ..backends.base import Database
from ..context import choice
from ..errors import MigrationError
from .checks import outside_development

NAME = r"([\w.\"`\[\]]+)"
DESTRUCTIVE_SQL = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN|SCHEMA|DATABASE)|(?<!ON\s)DELETE|TRUNCATE)\b", re.IGNORECASE
)
DROPPED_TABLE = re.compile(
    rf"\b(?:DROP\s+TABLE(?:\s+IF\s+EXISTS)?|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?)\s+{NAME}", re.I
)
DROPPED_COLUMN = re.compile(
    rf"\bALTER\s+TABLE\s+{NAME}\s+DROP\s+COLUMN\s+(?:IF\s+EXISTS\s+)?{NAME}", re.IGNORECASE
)


class Drop(NamedTuple):
    """A dropped table or column."""

    table: str
    column: str | None = None
    schema: str | None = None


class Downgrade(NamedTuple):
    """The function of a file that takes its revision back, and whether a revision stays below it."""

    path: Path
    function: str
    has_parents: bool


class UnreadableError(Exception):
    """The downgrade drops something, but the file does not contain its name literally."""


def is_loss_confirmed(database: Database, migration: MigrationContext, steps: list[Any]) -> bool:
    """Return whether rows will be lost outside development and the user has confirmed that.

    Raises MigrationError with the row counts if there is no confirmation. A downgrade past a squashed
    baseline is checked on every database: it removes everything, which is not what a downgrade by one step
    is meant to do.
    """
    confirmed = _is_confirmed(migration)
    back = [step for step in steps if isinstance(step, RevisionStep) and step.is_downgrade]
    squashed = any(getattr(step.revision.module, "replaces", None) for step in back)
    if confirmed is None or not back or not (squashed or outside_development(database)):
        return False
    loses, losses = find_losses(
        database,
        [
            Downgrade(
                Path(step.revision.path),
                step.migration_fn.__name__,
                bool(_compat.parents_and_dependencies(step.revision)),
            )
            for step in back
        ],
        migration.opts["target_metadata"],
    )
    if losses and not confirmed:
        raise MigrationError(
            f"This downgrade {loses} {', '.join(losses)}, and nothing was changed: if that is meant, add "
            "--yes (plain alembic: -x yes before `downgrade`); a snapshot is taken first."
        )
    return bool(losses)


def find_losses(
    database: Database, downgrades: Iterable[Downgrade], metadata: MetaData
) -> tuple[str, list[str]]:
    """Return "loses" or "may lose …", and the tables and columns with the number of their rows or values."""
    with database.connect(database.statement_limits()) as connection:
        try:
            loses, drops = "loses", _dropped(downgrades, metadata)
        except UnreadableError:
            loses = "may lose (its file does not say what it drops)"
            drops = {Drop(name, None, schema) for schema, name in database.list_tables(connection)}
        return loses, _count_rows(connection, drops)


def _is_confirmed(migration: MigrationContext) -> bool | None:
    """Return whether the user has confirmed; None if code requests the downgrade and no user can be asked."""
    options = migration.config.cmd_opts if migration.config else None
    if "yes" in (getattr(options, "x", None) or []):
        return True
    if hasattr(options, "cmd"):  # plain alembic
        return False
    return choice().may_lose_rows


def _dropped(downgrades: Iterable[Downgrade], metadata: MetaData) -> set[Drop]:
    drops: set[Drop] = set()
    for downgrade in downgrades:
        drops |= _find_drops(downgrade.path, downgrade.function)
        if not downgrade.has_parents:  # down to base
            drops |= {Drop(known.name, None, known.schema) for known in metadata.tables.values()}
    return drops


def _count_rows(connection: Connection, drops: set[Drop]) -> list[str]:
    """Return the number of rows or values in each of these; empty ones are left out."""
    inspector = inspect(connection)
    losses = []
    for drop in sorted(drops, key=str):
        if not inspector.has_table(drop.table, drop.schema) or drop._replace(column=None) in drops - {drop}:
            continue
        columns = {found["name"] for found in inspector.get_columns(drop.table, drop.schema)}
        if drop.column and drop.column not in columns:
            continue
        counted = func.count(column(drop.column)) if drop.column else func.count()
        source = table(drop.table, schema=drop.schema)
        if number := connection.scalar(select(counted).select_from(source)):
            what = "value" if drop.column else "row"
            name = ".".join(filter(None, (drop.schema, drop.table, drop.column)))
            losses.append(f"{name} ({number} {what}{'' if number == 1 else 's'})")
    return losses


def _find_drops(path: Path, name: str) -> set[Drop]:
    """Return what this function of the file drops or empties; raises UnreadableError."""
    try:
        module = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise UnreadableError from error
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    reached: list[ast.FunctionDef] = [functions[name]] if name in functions else []
    for function in reached:  # the list grows by the functions that are called
        names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        reached += [functions[name] for name in names & functions.keys() if functions[name] not in reached]
    constants = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {drop for function in reached for drop in _Reader(constants).read(function)}


class _Reader(ast.NodeVisitor):
    def __init__(self, constants: dict[str, ast.expr]) -> None:
        self.constants = constants
        self.batches: dict[str, ast.Call] = {}
        self.drops: set[Drop] = set()

    def read(self, function: ast.FunctionDef) -> set[Drop]:
        self.visit(function)
        return self.drops

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            call, name = item.context_expr, item.optional_vars
            if (
                isinstance(call, ast.Call)
                and _called_name(call) == "batch_alter_table"
                and isinstance(name, ast.Name)
            ):
                self.batches[name.id] = call
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = _called_name(node)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        batch = self.batches.get(owner.id) if isinstance(owner, ast.Name) else None
        if called == "drop_table":
            self.drops.add(Drop(self._text(node, 0, "table_name"), None, self._schema(node)))
        elif called == "drop_column" and batch:
            column = self._text(node, 0, "column_name")
            self.drops.add(Drop(self._text(batch, 0, "table_name"), column, self._schema(batch)))
        elif called == "drop_column":
            column = self._text(node, 1, "column_name")
            self.drops.add(Drop(self._text(node, 0, "table_name"), column, self._schema(node)))
        elif called in {"delete", "drop_all"}:
            raise UnreadableError
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        if DESTRUCTIVE_SQL.search(ast.unparse(node)):
            raise UnreadableError

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str) or not DESTRUCTIVE_SQL.search(node.value):
            return
        tables, columns = DROPPED_TABLE.findall(node.value), DROPPED_COLUMN.findall(node.value)
        if len(tables) + len(columns) < len(DESTRUCTIVE_SQL.findall(node.value)):
            raise UnreadableError
        self.drops |= {Drop(*_split(name)) for name in tables}
        self.drops |= {Drop(*_split(name, column)) for name, column in columns}

    def _text(self, call: ast.Call, position: int, keyword: str) -> str:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        value = call.args[position] if len(call.args) > position else given.get(keyword)
        if isinstance(value, ast.Name):
            value = self.constants.get(value.id)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
        raise UnreadableError

    def _schema(self, call: ast.Call) -> str | None:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if "schema" not in given or ast.unparse(given["schema"]) == "None":
            return None
        return self._text(call, 99, "schema")


def _called_name(call: ast.Call) -> str | None:
    """Return the last part of the called name: drop_table for op.drop_table(...)."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else None


def _split(name: str, column: str | None = None) -> tuple[str, str | None, str | None]:
    schema, _, table = re.sub(r"[\"`\[\]]", "", name).rpartition(".")
    return table, column and column.strip('"`[]'), schema or None
