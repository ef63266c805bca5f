"""PostgreSQL: compare types made by CREATE TYPE … AS ENUM, which Alembic does not compare.

A revision still contains only Alembic and SQLAlchemy. `sa.Enum(…).create(op.get_bind())` creates a type, and
does nothing on other engines. All other places use `sa.Enum(…, create_type=False)`.
"""

from collections.abc import Iterator
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import ARRAY, Column, Enum, TypeDecorator, text

from ..filters import is_foreign
from ..findings import log, named, wanted
from ..operations import dotted
from .enum_values import change

Key = tuple[str | None, str]
ELSEWHERE = text("""
    SELECT 1 FROM pg_type t JOIN pg_attribute a ON a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped
        JOIN pg_class c ON c.oid = a.attrelid
    WHERE t.typname = :name AND t.typnamespace = to_regnamespace(quote_ident(:schema))
        AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname = ANY(:compared)) LIMIT 1
""")


class EnumType(ops.MigrateOperation):
    def __init__(self, key: Key, values: list[str], *, first: bool) -> None:
        """Create the type before all else, or drop it after all else."""
        self.key, self.values, self.first = key, values, first

    def reverse(self) -> "EnumType":
        return EnumType(self.key, self.values, first=not self.first)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("add_enum" if self.first else "remove_enum", self.key, self.values)


@renderers.dispatch_for(EnumType)
def _render(_context: AutogenContext, operation: EnumType) -> str:
    verb = "create" if operation.first else "drop"
    return f"{_written(*operation.key, operation.values)}).{verb}(op.get_bind(), checkfirst=False)"


def render_type(kind: str, thing: Any, context: AutogenContext) -> str | bool:
    """Render the type without creating it. A separate operation creates it, not the first table."""
    if kind == "type" and _is_type(thing) and getattr(context.dialect, "name", "") == "postgresql":
        return f"{_written(thing.schema, thing.name, thing.enums)}, create_type=False)"
    return False


def _written(schema: str | None, name: str, values: list[str]) -> str:
    place = f", schema={schema!r}" if schema else ""
    return f"sa.Enum({', '.join(map(repr, values))}, name={str(name)!r}{place}"


def _is_type(kind: Any) -> bool:
    return isinstance(kind, Enum) and kind.native_enum and bool(kind.name)


def compare(context: AutogenContext, upgrade: ops.UpgradeOps, schemas: Any) -> PriorityDispatchResult:
    inspector: Any = context.inspector
    migration = context.migration_context
    had: dict[Key, list[str]] = {
        (schema, enum["name"]): list(enum["labels"])
        for schema in schemas
        for enum in inspector.get_enums(schema=schema)
        if named(context, "enum", enum["name"], schema)
    }
    columns: dict[Key, list[Column[Any]]] = {}
    wants: dict[Key, list[str]] = {}
    left_alone: set[Key] = set()
    for column, kind in _declared(context):
        if wanted(context, column.table):
            columns.setdefault((kind.schema, kind.name), []).append(column)
            wants[kind.schema, kind.name] = list(kind.enums)
        else:
            left_alone.add((kind.schema, kind.name))
    for key in left_alone - wants.keys():  # types of filtered tables are not dropped either
        had.pop(key, None)
    for key in sorted(wants.keys() - had.keys(), key=str):
        log.info("Detected added enum type %r", dotted(*key))
        upgrade.ops.insert(0, EnumType(key, wants[key], first=True))
    for key in sorted(had.keys() - wants.keys(), key=str):
        if not is_foreign(migration, key[1]) and not _used_elsewhere(context, key, schemas):
            log.info("Detected removed enum type %r", dotted(*key))
            upgrade.ops.append(EnumType(key, had[key], first=False))
    for key in sorted(wants.keys() & had.keys(), key=str):
        if had[key] != wants[key]:
            log.info("Detected changed values of enum type %r", dotted(*key))
            upgrade.ops.append(change(context, upgrade, key, had[key], wants[key], columns[key]))
    return PriorityDispatchResult.CONTINUE


def _used_elsewhere(context: AutogenContext, key: Key, schemas: Any) -> bool:
    """Return whether a table in a schema that is not compared uses the type. Then it must not be dropped."""
    own = context.inspector.default_schema_name
    values = {"schema": key[0] or own, "name": key[1], "compared": [schema or own for schema in schemas]}
    return bool(context.connection.scalar(ELSEWHERE, values))  # type: ignore[union-attr]


def _declared(context: AutogenContext) -> Iterator[tuple[Column[Any], Any]]:
    for table in context.sorted_tables:
        for column in table.columns:
            kind: Any = column.type
            kind = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
            kind = kind.item_type if isinstance(kind, ARRAY) else kind
            if _is_type(kind) and named(context, "enum", kind.name, kind.schema):
                yield column, kind
