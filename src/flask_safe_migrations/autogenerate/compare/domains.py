"""PostgreSQL: create a DOMAIN before the tables that use it, and drop it after them.

SQLAlchemy creates it together with a new table, not with a new column, and drops it with no table of a
revision. As with enum types, `postgresql.DOMAIN(…).create(op.get_bind())` creates it, and all other places
have `create_type=False`. Only a domain that a column uses is compared. A change of its content is refused,
because existing values may not pass it: https://www.postgresql.org/docs/current/sql-alterdomain.html
"""

from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.exc import DBAPIError

from ... import _compat, output
from ...backends.escaping import quote_name
from ...errors import first_line
from ..filters import is_name_included, is_table_included, is_unmanaged, log
from ..operations import qualified_name
from ..unsupported import refuse
from .enums import EnumTypeOp, Key, is_used_elsewhere, stored_type

CONTENT = text("""
    SELECT format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault, t.typcollation,
      ARRAY(
        SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
        WHERE c.contypid = t.oid AND c.contype = 'c' ORDER BY 1
      )
    FROM pg_type t WHERE t.oid = CAST(:name AS regtype)
""")


class DomainTypeOp(EnumTypeOp):
    """Creates the domain before all else, or drops it after all else."""

    def __init__(self, domain: DOMAIN, *, first: bool) -> None:
        super().__init__((domain.schema, str(domain.name)), [], first=first)
        self.domain = domain

    def reverse(self) -> "DomainTypeOp":
        return DomainTypeOp(self.domain, first=not self.first)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("add_domain" if self.first else "remove_domain", self.key)


@renderers.dispatch_for(DomainTypeOp)
def _render(context: AutogenContext, operation: DomainTypeOp) -> str:
    context.imports.add("from sqlalchemy.dialects import postgresql")
    verb = "create" if operation.first else "drop"
    domain = _compat.render_domain(operation.domain, context)
    return f"{domain}.{verb}(op.get_bind(), checkfirst=False)"


def compare(context: AutogenContext, upgrade: ops.UpgradeOps, schemas: Any) -> PriorityDispatchResult:
    wants: dict[Key, DOMAIN] = {}
    left_alone: set[Key] = set()
    for table in context.sorted_tables:
        for column in table.columns:
            kind = stored_type(column.type, context.dialect)
            if not isinstance(kind, DOMAIN):
                continue
            key = (kind.schema, str(kind.name))
            if is_table_included(context, table) and is_name_included(context, "domain", key[1], key[0]):
                wants[key] = kind
            else:
                left_alone.add(key)
    inspector: Any = context.inspector
    had: dict[Key, DOMAIN] = {}
    there: set[Key] = set()
    for schema in schemas:
        there |= {(schema, domain["name"]) for domain in inspector.get_domains(schema=schema)}
        if not any(key[0] == schema for key in there):
            continue
        for columns in inspector.get_multi_columns(schema=schema).values():
            for column in columns:
                kind = stored_type(column["type"], context.dialect)
                if isinstance(kind, DOMAIN) and (schema, kind.name) in there:
                    kind.schema = schema  # as in the models, where the default schema has no name
                    had[schema, str(kind.name)] = kind
    for key in sorted(wants.keys() - there, key=str):
        log.info("Detected added domain %r", qualified_name(*key))
        upgrade.ops.insert(0, DomainTypeOp(_with_type(wants[key]), first=True))
    for key in sorted(had.keys() - wants.keys() - left_alone, key=str):
        included = is_name_included(context, "domain", key[1], key[0])
        is_foreign = is_unmanaged(context.migration_context, key[1])
        if included and not is_foreign and not is_used_elsewhere(context, key, schemas):
            log.info("Detected removed domain %r", qualified_name(*key))
            upgrade.ops.append(DomainTypeOp(_with_type(had[key]), first=False))
    for key in sorted(wants.keys() & had.keys(), key=str):
        if is_name_included(context, "domain", key[1], key[0]):
            _compare_content(context, key, wants[key])
    return PriorityDispatchResult.CONTINUE


def _compare_content(context: AutogenContext, key: Key, wanted: DOMAIN) -> None:
    """Refuse a change of the type, NOT NULL, default or CHECK; the server words both sides."""
    connection: Any = context.connection
    migration = context.migration_context
    had = connection.execute(CONTENT, {"name": quote_name(context.dialect, *key)}).one()
    copy = _with_type(wanted)
    copy.schema = "pg_temp"
    savepoint = connection.begin_nested()
    try:
        copy.create(connection, checkfirst=False)
        new = connection.execute(CONTENT, {"name": quote_name(context.dialect, "pg_temp", key[1])}).one()
    except DBAPIError as error:
        output.notice(f"Domain {qualified_name(*key)} could not be compared: {first_line(error.orig)}")
        return
    finally:
        savepoint.rollback()
    if new != had:
        log.info("Detected changed domain %r", qualified_name(*key))
        name = quote_name(context.dialect, *key)
        refuse(
            migration,
            f"Domain {qualified_name(*key)} has changed",
            f'for which write op.execute("ALTER DOMAIN {name} …"), and the way back',
        )


def _with_type(domain: DOMAIN) -> DOMAIN:
    """Return a copy that is created by itself, whatever the model says."""
    copy: DOMAIN = domain.copy()  # type: ignore[no-untyped-call]
    copy.create_type = True
    return copy
