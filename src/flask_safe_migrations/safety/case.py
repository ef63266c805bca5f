"""An operation in its surroundings: what a rule is asked about."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops

from .formatting import names, type_name
from .recorder import Recorded
from .tables import table_of

# What a rule finds: the key of a message, and the names to fill in.
Found = Iterator[tuple[str, dict[str, Any]]]
Rule = Callable[["Case"], Found]
RULES: list[tuple[type, tuple[str, ...], Rule]] = []


def judges(operation: type, *engines: str) -> Callable[[Rule], Rule]:
    """Register a rule for a kind of operation, on the engines with these titles, or on all."""

    def register(rule: Rule) -> Rule:
        RULES.append((operation, engines, rule))
        return rule

    return register


@dataclass
class Case:
    recorded: Recorded
    everything: list[Recorded]
    engine: str
    # Of the same revision, before this operation.
    new_tables: set[str] = field(default_factory=set)
    new_columns: set[tuple[str, str]] = field(default_factory=set)

    @property
    def operation(self) -> Any:
        return self.recorded.operation

    @property
    def table(self) -> str:
        name, schema = table_of(self.operation)
        return f"{schema}.{name}" if schema else str(name or "…")

    @property
    def is_new(self) -> bool:
        """Nobody uses a table that the same revision has made, and it holds no rows."""
        return self.table in self.new_tables

    def column(self, name: str) -> sa.Column[Any] | None:
        """Return a column as it was before the operation."""
        table = self.recorded.table
        return table.columns.get(name) if table is not None else None

    def type_name(self, kind: Any) -> str:
        return type_name(kind, self.recorded.dialect)

    def judged(self) -> Found:
        for operation, engines, rule in RULES:
            if isinstance(self.operation, operation) and (not engines or self.engine in engines):
                yield from rule(self)

    def names(self) -> dict[str, Any]:
        """Return what the messages may ask for."""
        operation = self.operation
        column = getattr(operation, "column_name", None) or names(
            [operation.column] if getattr(operation, "column", None) is not None else []
        )
        name = getattr(operation, "constraint_name", None) or getattr(operation, "index_name", None)
        columns = getattr(operation, "columns", None) or getattr(operation, "local_cols", None) or []
        return {
            "table": self.table,
            "column": column,
            "thing": name or (f"{self.table}.{column}" if column else self.table),
            "columns": _quoted(columns),
            "referred": getattr(operation, "referent_table", None),
            "referred_columns": _quoted(getattr(operation, "remote_cols", None) or []),
            "reason": "; ".join(self.recorded.refused),
            "new": getattr(operation, "modify_name", None) or getattr(operation, "new_table_name", None),
        }


def cases(recorded: list[Recorded], engine: str) -> Iterator[Case]:
    """Return the operations with what came before each."""
    tables: set[str] = set()
    columns: set[tuple[str, str]] = set()
    for found in recorded:
        case = Case(found, recorded, engine, set(tables), set(columns))
        yield case
        operation = found.operation
        if isinstance(operation, ops.CreateTableOp) and found.table is None:
            tables.add(case.table)
        elif isinstance(operation, ops.RenameTableOp) and case.is_new:
            tables.add(operation.new_table_name)
        elif isinstance(operation, ops.AddColumnOp):
            columns.add((case.table, operation.column.name))
        elif isinstance(operation, ops.ExecuteSQLOp):
            tables.update(
                re.findall(
                    r"^\s*CREATE\s+TABLE\s+(?:IF NOT EXISTS\s+)?\W?(\w+)", "".join(found.statements), re.I
                )
            )


def _quoted(columns: Iterable[Any]) -> str:
    return ", ".join(f'"{names([column])}"' for column in columns)
