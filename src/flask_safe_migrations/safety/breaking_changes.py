"""Finds changes in pending revisions that break code which still runs and does not know them.

It applies the rules of the safety report, except those about locks, and adds rules for what makes the
database refuse rows that the running code writes.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops

from .. import _compat
from .description import format_sql
from .recorder import RecordedOperation
from .report import Finding, get_disabled_rules, make_finding
from .rules import OperationContext, Violations, iterate_contexts
from .rules.common import get_types

# The rules for every engine that report a removal which running code notices, or SQL that cannot be judged.
BREAKING_RULES = {
    "drop_column",
    "drop_table",
    "rename_column",
    "rename_table",
    "required_column",
    "narrow_type",
    "remove_enum_value",
    "raw_sql",
}


def find_breaking_changes(
    recorded: list[tuple[Path, list[RecordedOperation]]], engine: str
) -> Iterator[tuple[Path, Finding]]:
    """Yield each breaking change with the file that contains it.

    All pending revisions are checked as one: a column that the first adds and the second drops is unknown to
    the running code.

    :param recorded: the files of the pending revisions in order, with the operations of their upgrades.
    :param engine: the title of the database engine.
    """
    disabled = get_disabled_rules()
    paths = {id(operation): path for path, operations in recorded for operation in operations}
    for context in iterate_contexts([operation for _, part in recorded for operation in part], engine):
        path, reported = paths[id(context.recorded)], set()
        for rule, parameters in _find_violations(context):
            if rule in disabled:
                continue
            finding = make_finding(context, rule, parameters, path)
            if finding.what not in reported:
                reported.add(finding.what)
                yield path, finding


def _find_violations(context: OperationContext) -> Violations:
    if context.is_new:
        return
    operation = context.operation
    if context.is_new_column:
        if _becomes_required(context) and not _has_default(context):
            yield "no_more_null", {}
        return
    yield from ((rule, names) for rule, names in context.apply_rules() if rule in BREAKING_RULES)
    if isinstance(operation, ops.AlterColumnOp):
        yield from _check_altered_column(context)
    elif _is_constraint(operation) and (_constrained_columns(context) - _new_columns(context)):
        yield "new_constraint", {}


def _check_altered_column(context: OperationContext) -> Violations:
    operation, column = context.operation, context.column(context.operation.column_name)
    if _becomes_required(context):
        yield "no_more_null", {}
    required = column is not None and not column.nullable and operation.modify_nullable is not True
    if operation.modify_server_default is None and required:
        yield "no_more_default", {}
    if operation.modify_type is not None:
        old, new = get_types(context)
        if old is not None and not _compat.have_one_affinity(old, new):
            yield "other_type", {"old": context.format_type(old), "new": context.format_type(new)}


def _becomes_required(context: OperationContext) -> bool:
    operation = context.operation
    if not isinstance(operation, ops.AlterColumnOp) or operation.modify_nullable is not False:
        return False
    column = context.column(operation.column_name)
    return column is None or bool(column.nullable)


def _has_default(context: OperationContext) -> bool:
    """Whether the database fills in the column when code that does not know it inserts a row."""
    operation = context.operation
    default, column = operation.modify_server_default, context.column(operation.column_name)
    if default is False:
        return column is not None and column.server_default is not None
    return default is not None


def _is_constraint(operation: Any) -> bool:
    if isinstance(operation, ops.CreateIndexOp):
        return bool(operation.unique)
    return isinstance(operation, ops.AddConstraintOp) and not isinstance(operation, ops.CreatePrimaryKeyOp)


def _constrained_columns(context: OperationContext) -> set[str]:
    """Return the columns that a constraint is on; for a CHECK, the columns of the table that it names."""
    operation = context.operation
    columns = getattr(operation, "local_cols", None) or getattr(operation, "columns", None)
    clauses = [getattr(operation, "condition", "")] if columns is None else columns
    words = {word for clause in clauses for word in re.findall(r"\w+", _format_clause(clause, context))}
    table = context.recorded.table
    known = {column.name for column in table.columns} if table is not None else words
    return words & (known | _new_columns(context))


def _format_clause(clause: Any, context: OperationContext) -> str:
    if isinstance(clause, sa.Column):
        return clause.name
    return clause if isinstance(clause, str) else format_sql(clause, context.recorded.dialect)


def _new_columns(context: OperationContext) -> set[str]:
    return {column for table, column in context.new_columns if table == context.table}
