"""What code that still runs, and does not know these revisions, would stumble over.

The rules are those of the review; what a lock is about is left out, and what refuses rows is looked at here.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops

from .case import Case, Found, cases
from .formatting import plain_sql
from .recorder import Recorded
from .report import Finding, disabled, worded
from .rules.common import types

# Of the rules for every engine: what takes something away that the code asks for, or cannot be judged.
TAKEN = {
    "drop_column",
    "drop_table",
    "rename_column",
    "rename_table",
    "required_column",
    "narrow_type",
    "remove_enum_value",
    "raw_sql",
}


def breaking(recorded: list[tuple[Path, list[Recorded]]], engine: str) -> Iterator[tuple[Path, Finding]]:
    """Return what would break; `recorded`: the upgrades that are pending, in order, each with its file.

    They are judged as one: a column that the first adds and the second drops is unknown to the code.
    """
    ignored = disabled()
    paths = {id(found): path for path, part in recorded for found in part}
    for case in cases([found for _, part in recorded for found in part], engine):
        path, said = paths[id(case.recorded)], set()
        for rule, names in _found(case):
            if rule in ignored:
                continue
            told = worded(rule, case.names() | names, engine, case.recorded.line, path)
            if told.what not in said:
                said.add(told.what)
                yield path, told


def _found(case: Case) -> Found:
    if case.is_new:
        return
    operation = case.operation
    if (case.table, getattr(operation, "column_name", None)) in case.new_columns:
        if _becomes_required(case) and not _has_default(case):
            yield "no_more_null", {}
        return
    yield from ((rule, names) for rule, names in case.judged() if rule in TAKEN)
    if isinstance(operation, ops.AlterColumnOp):
        yield from _altered(case)
    elif _is_constraint(operation) and (_columns(case) - _new_columns(case)):
        yield "new_constraint", {}


def _altered(case: Case) -> Found:
    operation, column = case.operation, case.column(case.operation.column_name)
    if _becomes_required(case):
        yield "no_more_null", {}
    required = column is not None and not column.nullable and operation.modify_nullable is not True
    if operation.modify_server_default is None and required:
        yield "no_more_default", {}
    if operation.modify_type is not None:
        old, new = types(case)
        if old is not None and old._type_affinity is not new._type_affinity:
            yield "other_type", {"old": case.type_name(old), "new": case.type_name(new)}


def _becomes_required(case: Case) -> bool:
    if not isinstance(case.operation, ops.AlterColumnOp) or case.operation.modify_nullable is not False:
        return False
    column = case.column(case.operation.column_name)
    return column is None or bool(column.nullable)


def _has_default(case: Case) -> bool:
    """Whether the database fills it in for code that does not know the column."""
    default, column = case.operation.modify_server_default, case.column(case.operation.column_name)
    if default is False:
        return column is not None and column.server_default is not None
    return default is not None


def _is_constraint(operation: Any) -> bool:
    unique = isinstance(operation, ops.CreateIndexOp) and operation.unique
    return bool(unique) or (isinstance(operation, ops.AddConstraintOp) and not _is_primary(operation))


def _is_primary(operation: Any) -> bool:
    return isinstance(operation, ops.CreatePrimaryKeyOp)


def _columns(case: Case) -> set[str]:
    """Return the columns that a constraint is on; of a CHECK, those of the table that its text names."""
    operation = case.operation
    given = getattr(operation, "local_cols", None) or getattr(operation, "columns", None)
    texts = [getattr(operation, "condition", "")] if given is None else given
    words = {word for text in texts for word in re.findall(r"\w+", _text(text, case))}
    table = case.recorded.table
    known = {column.name for column in table.columns} if table is not None else words
    return words & (known | _new_columns(case))


def _text(clause: Any, case: Case) -> str:
    if isinstance(clause, sa.Column):
        return clause.name
    return clause if isinstance(clause, str) else plain_sql(clause, case.recorded.dialect)


def _new_columns(case: Case) -> set[str]:
    return {column for table, column in case.new_columns if table == case.table}
