"""PostgreSQL: compare schemas, which Alembic expects to exist, and sequences.

These are named sequences of the models, and those of keys, which keep their type when the key gets another.
"""

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Sequence, text
from sqlalchemy.schema import CreateSequence, DropSequence

from ... import _compat
from ...backends.escaping import quote_name
from ..filters import is_table_included, log
from ..operations import ReversibleSQLOp
from ..unsupported import refuse

RECIPE = 'for which write op.execute("ALTER SEQUENCE …") and the way back'
OPTIONS = text(
    "SELECT seqstart AS start, seqincrement AS increment, seqmin AS minvalue, seqmax AS maxvalue, "
    "seqcache AS cache, seqcycle AS cycle FROM pg_sequence WHERE seqrelid = CAST(:name AS regclass)"
)
# The sequence of a SERIAL column. That of an identity follows its column.
SEQUENCE_OF_COLUMN = text("""
    SELECT s.seqrelid::regclass::text, upper(s.seqtypid::regtype::text)
    FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
        AND d.refobjid = CAST(:table AS regclass) AND a.attname = :column
""")
SEQUENCE_TYPES = {"SMALLINT", "INTEGER", "BIGINT"}


def compare(context: AutogenContext, upgrade: ops.UpgradeOps, _schemas: Any) -> PriorityDispatchResult:
    dialect: Any = context.dialect
    inspector: Any = context.inspector
    metadata: Any = context.metadata
    known = set(inspector.get_schema_names())
    schemas = {
        table.schema
        for table in metadata.tables.values()
        if table.schema and is_table_included(context, table)
    }
    for sequence in _compat.sequences(metadata).values():
        if not context.run_object_filters(sequence, sequence.name, "sequence", False, None):  # type: ignore[arg-type]
            continue
        if sequence.name not in inspector.get_sequence_names(schema=sequence.schema):
            create, drop = (
                str(statement(sequence).compile(dialect=dialect))
                for statement in (CreateSequence, DropSequence)
            )
            log.info("Detected added sequence %r", sequence.name)
            upgrade.ops.insert(0, ReversibleSQLOp([create], [drop]))
        elif _differs(context, sequence):
            refuse(context.migration_context, f"Sequence {sequence.name} has changed", RECIPE)
    for schema in sorted(schemas - known):
        log.info("Detected added schema %r", schema)
        quoted = quote_name(dialect, schema)
        upgrade.ops.insert(0, ReversibleSQLOp([f"CREATE SCHEMA {quoted}"], [f"DROP SCHEMA {quoted}"]))
    upgrade.ops.extend(_change_types(context, upgrade.ops))
    return PriorityDispatchResult.CONTINUE


def _change_types(context: AutogenContext, operations: list[Any]) -> list[ReversibleSQLOp]:
    """Return the changes of sequences whose columns get another type."""
    dialect: Any = context.dialect
    connection: Any = context.connection
    found = []
    for step in (step for table in operations for step in getattr(table, "ops", ())):
        if not isinstance(step, ops.AlterColumnOp) or step.modify_type is None:
            continue
        new = step.modify_type.compile(dialect)
        table_name = quote_name(dialect, step.schema, step.table_name)
        place = {"table": table_name, "column": step.column_name}
        for sequence, old in connection.execute(SEQUENCE_OF_COLUMN, place).all():
            if new in SEQUENCE_TYPES - {old}:
                log.info("Detected type of sequence %r", sequence)
                change, back = (f"ALTER SEQUENCE {sequence} AS {type_}" for type_ in (new, old))
                found.append(ReversibleSQLOp([change], [back], first=False))
    return found


def _differs(context: AutogenContext, sequence: Sequence) -> bool:
    name = quote_name(context.dialect, sequence.schema, sequence.name)
    stored: Any = context.connection.execute(OPTIONS, {"name": name}).mappings().one()  # type: ignore[union-attr]
    wants = {option: getattr(sequence, option, None) for option in stored}
    return any(value is not None and value != stored[option] for option, value in wants.items())
