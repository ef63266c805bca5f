"""The rules of the safety report, by engine: each is applied to an operation and what came before it.

Their messages are in messages.py.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.engine.default import DefaultDialect

from ..description import format_table_name, format_type, join_names
from ..recorder import RecordedOperation

# What a rule yields: the key of a message, and parameters for its text.
Violations = Iterator[tuple[str, dict[str, Any]]]
Rule = Callable[["OperationContext"], Violations]
RULES: list[tuple[type, tuple[str, ...], Rule]] = []
CREATE_TABLE = re.compile(r"^\s*CREATE\s+TABLE\s+(?:IF NOT EXISTS\s+)?\W?(\w+)", re.I)


def register_rule(operation: type, *engines: str) -> Callable[[Rule], Rule]:
    """Register a rule for a type of operation, on the engines with these titles, or on all."""

    def register(rule: Rule) -> Rule:
        RULES.append((operation, engines, rule))
        return rule

    return register


@dataclass
class OperationContext:
    """An operation, and what a rule needs to know about the rest of its revision.

    :param all_operations: of the revision, in order.
    :param new_tables: created by the same revision before this operation.
    :param new_columns: (table, column), added by the same revision before this operation.
    """

    recorded: RecordedOperation
    all_operations: list[RecordedOperation]
    engine: str
    new_tables: set[str] = field(default_factory=set)
    new_columns: set[tuple[str, str]] = field(default_factory=set)

    @property
    def operation(self) -> Any:
        return self.recorded.operation

    @property
    def table(self) -> str:
        return format_table_name(self.operation)

    @property
    def is_new(self) -> bool:
        """Whether the same revision created the table: nobody uses it yet, and it has no rows."""
        return self.table in self.new_tables

    @property
    def is_new_column(self) -> bool:
        """Whether the same revision created the column, or its table."""
        column = getattr(self.operation, "column_name", None)
        return self.is_new or (self.table, column) in self.new_columns

    def column(self, name: str) -> sa.Column[Any] | None:
        """Return a column as it was before the operation."""
        table = self.recorded.table
        return table.columns.get(name) if table is not None else None

    def format_type(self, type_: Any) -> str:
        return format_type(type_, self.recorded.dialect)

    def apply_rules(self) -> Violations:
        for operation, engines, rule in RULES:
            if isinstance(self.operation, operation) and (not engines or self.engine in engines):
                yield from rule(self)

    def message_parameters(self) -> dict[str, Any]:
        """Return the names that the texts in messages.py can contain."""
        operation = self.operation
        column = getattr(operation, "column_name", None) or join_names(
            [operation.column] if getattr(operation, "column", None) is not None else []
        )
        name = getattr(operation, "constraint_name", None) or getattr(operation, "index_name", None)
        columns = getattr(operation, "columns", None) or getattr(operation, "local_cols", None) or []
        new = getattr(operation, "modify_name", None) or getattr(operation, "new_table_name", None)
        schema, bare = self.table.rpartition(".")[::2]
        return {
            "name": bare,
            "schema": _format_options({"schema": schema}),
            "options": _format_options(_options(operation)),
            "deferrable": _format_deferrable(getattr(operation, "kw", None) or {}),
            "sql_table": self._quote(*self.table.rsplit(".", 1)),
            "sql_column": self._quote(column),
            "sql_thing": self._quote(*([name] if name else self.table.rsplit(".", 1))),
            "sql_new": self._quote(*filter(None, (schema, new or ""))),
            "sql_not_null": self._quote(f"ck_{bare}_{column}_not_null"),
            "sql_primary_key": self._quote(f"pk_{bare}"),
            "table": self.table,
            "column": column,
            "thing": name or (f"{self.table}.{column}" if column else self.table),
            "columns": _quote_names(columns),
            "referred": getattr(operation, "referent_table", None),
            "referred_columns": _quote_names(getattr(operation, "remote_cols", None) or []),
            "reason": "; ".join(self.recorded.blocking_reasons),
            "new": new,
        }

    def _quote(self, *names: str) -> str:
        """Return a name for SQL inside a Python string in double quotes."""
        dialect = self.recorded.dialect or DefaultDialect()
        quote = dialect.identifier_preparer.quote
        return ".".join(map(quote, names)).replace('"', '\\"')


def iterate_contexts(operations: list[RecordedOperation], engine: str) -> Iterator[OperationContext]:
    """Yield a context for each operation; what the operation creates is known to the contexts after it."""
    tables: set[str] = set()
    columns: set[tuple[str, str]] = set()
    for recorded in operations:
        context = OperationContext(recorded, operations, engine, set(tables), set(columns))
        yield context
        operation = recorded.operation
        if isinstance(operation, ops.CreateTableOp) and recorded.table is None:
            tables.add(context.table)
        elif isinstance(operation, ops.RenameTableOp) and context.is_new:
            tables.add(operation.new_table_name)
        elif isinstance(operation, ops.AddColumnOp):
            columns.add((context.table, operation.column.name))
        elif isinstance(operation, ops.ExecuteSQLOp):
            tables.update(CREATE_TABLE.findall("".join(recorded.statements)))


def _quote_names(columns: Iterable[Any]) -> str:
    """Return the columns for a list in Python; an expression is no name."""
    names = [(join_names([column]), isinstance(column, str | sa.Column)) for column in columns]
    return ", ".join(f'"{name}"' if is_name else f"sa.text({_repr(name)})" for name, is_name in names)


def _options(operation: Any) -> dict[str, Any]:
    """Return what the operation says besides names and columns, as keyword arguments."""
    given = {"schema": getattr(operation, "schema", None)} | (getattr(operation, "kw", None) or {})
    if isinstance(operation, ops.CreateIndexOp):
        given["unique"] = operation.unique
    elif isinstance(operation, ops.CreateUniqueConstraintOp):  # for its index, which is not deferrable
        given = {name: value for name, value in given.items() if name not in {"deferrable", "initially"}}
    return given


def _format_options(options: dict[str, Any]) -> str:
    given = {name: value for name, value in options.items() if value not in (None, False, "", (), [], {})}
    return "".join(f", {name}={_repr(value)}" for name, value in given.items())


def _repr(value: Any) -> str:
    """Return a value as Python code, with double quotes where that is possible."""
    if isinstance(value, sa.ClauseElement):
        return f"sa.text({_repr(str(value))})"
    text = repr(value)
    return f'"{text[1:-1]}"' if isinstance(value, str) and text[0] == "'" and '"' not in text else text


def _format_deferrable(options: dict[str, Any]) -> str:
    initially = f" INITIALLY {options['initially']}" if options.get("initially") else ""
    return f"{' DEFERRABLE' if options.get('deferrable') else ''}{initially}"
