"""PostgreSQL: compare types made by CREATE TYPE … AS ENUM, which Alembic does not compare.

A revision still contains only Alembic and SQLAlchemy. `sa.Enum(…).create(op.get_bind())` creates a type, and
does nothing on other engines. All other places use `sa.Enum(…, create_type=False)`.

A value is added in place. A value cannot be removed, and a new value cannot be used in the transaction that
adds it. In these cases the type is created again and its columns are converted. If a row has a removed
value, the conversion fails and nothing is changed.
https://www.postgresql.org/docs/current/sql-altertype.html
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import ARRAY, Column, Enum, TypeDecorator, text

from ... import _compat
from ...backends.escaping import LITERAL, quote_literal, quote_name, undouble_percents, unquote_literal
from ..filters import is_name_included, is_table_included, is_unmanaged, log
from ..operations import ReversibleSQLOp, qualified_name

Key = tuple[str | None, str]
# Table, column, whether it is an array, default.
Use = tuple[str, str, bool, str | None]

# Whether a table in a schema that is not compared uses the type.
ELSEWHERE = text("""
    SELECT 1 FROM pg_type t JOIN pg_attribute a ON a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped
        JOIN pg_class c ON c.oid = a.attrelid
    WHERE t.typname = :name AND t.typnamespace = to_regnamespace(quote_ident(:schema))
        AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname = ANY(:compared)) LIMIT 1
""")
# The columns of the type, as `Use`.
USES = text("""
    SELECT c.oid::regclass::text, quote_ident(a.attname), t.typcategory = 'A', pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE CAST(:type AS regtype) IN (t.oid, t.typelem) AND NOT a.attisdropped ORDER BY 1, 2
""")
# Indexes and checks whose text contains a value of the type: SQL to drop them and to create them again.
DEPENDENT = text("""
    SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index WHERE pg_get_indexdef(indexrelid) LIKE :cast
    UNION ALL
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
           format(
             'ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'c' AND pg_get_constraintdef(oid) LIKE :cast
""")
LONGEST_NAME = 63 - len("__old")


class EnumTypeOp(ops.MigrateOperation):
    def __init__(self, key: Key, values: list[str], *, first: bool) -> None:
        """Create the type before all else, or drop it after all else."""
        self.key, self.values, self.first = key, values, first

    def reverse(self) -> "EnumTypeOp":
        return EnumTypeOp(self.key, self.values, first=not self.first)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("add_enum" if self.first else "remove_enum", self.key, self.values)


@renderers.dispatch_for(EnumTypeOp)
def _render(_context: AutogenContext, operation: EnumTypeOp) -> str:
    verb = "create" if operation.first else "drop"
    return f"{_render_enum(*operation.key, operation.values)}).{verb}(op.get_bind(), checkfirst=False)"


def render_enum(type_: Any, context: AutogenContext) -> str | None:
    """Render the type without creating it. A separate operation creates it, not the first table."""
    if _is_native_enum(type_) and getattr(context.dialect, "name", "") == "postgresql":
        return f"{_render_enum(type_.schema, type_.name, type_.enums)}, create_type=False)"
    return None


def _render_enum(schema: str | None, name: str, values: list[str]) -> str:
    place = f", schema={schema!r}" if schema else ""
    return f"sa.Enum({', '.join(map(repr, values))}, name={str(name)!r}{place}"


def _is_native_enum(kind: Any) -> bool:
    return isinstance(kind, Enum) and kind.native_enum and bool(kind.name)


def compare(context: AutogenContext, upgrade: ops.UpgradeOps, schemas: Any) -> PriorityDispatchResult:
    inspector: Any = context.inspector
    migration = context.migration_context
    had: dict[Key, list[str]] = {
        (schema, enum["name"]): list(enum["labels"])
        for schema in schemas
        for enum in inspector.get_enums(schema=schema)
        if is_name_included(context, "enum", enum["name"], schema)
    }
    columns: dict[Key, list[Column[Any]]] = {}
    wants: dict[Key, list[str]] = {}
    left_alone: set[Key] = set()
    for column, kind in _declared_enums(context):
        if is_table_included(context, column.table):
            columns.setdefault((kind.schema, kind.name), []).append(column)
            wants[kind.schema, kind.name] = list(kind.enums)
        else:
            left_alone.add((kind.schema, kind.name))
    for key in left_alone - wants.keys():  # types of filtered tables are not dropped either
        had.pop(key, None)
    for old, new in _renamed(upgrade, had.keys() - wants.keys(), wants.keys() - had.keys()).items():
        log.info("Detected renamed enum type %r to %r", qualified_name(*old), qualified_name(*new))
        upgrade.ops.append(_rename(context, upgrade, old, new, had.pop(old), wants.pop(new), columns[new]))
    for key in sorted(wants.keys() - had.keys(), key=str):
        log.info("Detected added enum type %r", qualified_name(*key))
        upgrade.ops.insert(0, EnumTypeOp(key, wants[key], first=True))
    for key in sorted(had.keys() - wants.keys(), key=str):
        if not is_unmanaged(migration, key[1]) and not is_used_elsewhere(context, key, schemas):
            log.info("Detected removed enum type %r", qualified_name(*key))
            upgrade.ops.append(EnumTypeOp(key, had[key], first=False))
    for key in sorted(wants.keys() & had.keys(), key=str):
        if had[key] != wants[key]:
            log.info("Detected changed values of enum type %r", qualified_name(*key))
            upgrade.ops.append(_change_values(context, upgrade, key, had[key], wants[key], columns[key]))
    return PriorityDispatchResult.CONTINUE


def _renamed(upgrade: ops.UpgradeOps, removed: AbstractSet[Key], added: AbstractSet[Key]) -> dict[Key, Key]:
    """Return the types whose columns all change to the same new type, in the same schema.

    The changes of the columns are removed: their type is the same one, under another name.
    """
    changes: dict[Key, set[Key]] = {}
    found = [
        (table, step, _enum_key(step.existing_type), _enum_key(step.modify_type))
        for table in upgrade.ops
        if isinstance(table, ops.ModifyTableOps)
        for step in table.ops
        if isinstance(step, ops.AlterColumnOp)
    ]
    for _table, _step, old, new in found:
        if old and new:
            changes.setdefault(old, set()).add(new)
    sources = [new for targets in changes.values() for new in targets]
    renamed = {
        old: new
        for old, targets in changes.items()
        for new in targets
        if len(targets) == 1 and sources.count(new) == 1 and old in removed and new in added
        if old[0] == new[0]
    }
    for table, step, old, new in found:
        if old in renamed and renamed[old] == new:
            step.existing_type, step.modify_type = step.modify_type, None
            if not step.has_changes():
                table.ops.remove(step)
    upgrade.ops[:] = [each for each in upgrade.ops if not isinstance(each, ops.ModifyTableOps) or each.ops]
    return renamed


def _enum_key(kind: Any) -> Key | None:
    kind = kind.item_type if isinstance(kind, ARRAY) else kind
    return (kind.schema, str(kind.name)) if _is_native_enum(kind) else None


def _rename(
    context: AutogenContext,
    upgrade: ops.UpgradeOps,
    old: Key,
    new: Key,
    had: list[str],
    wants: list[str],
    columns: list[Column[Any]],
) -> ReversibleSQLOp:
    """Return the operations that rename the type, after its values have changed under the old name."""
    dialect: Any = context.dialect
    there = f"ALTER TYPE {quote_name(dialect, *old)} RENAME TO {quote_name(dialect, new[1])}"
    back = f"ALTER TYPE {quote_name(dialect, *new)} RENAME TO {quote_name(dialect, old[1])}"
    if had == wants:
        return ReversibleSQLOp([there], [back])
    change = _change_values(context, upgrade, old, had, wants, columns)
    return ReversibleSQLOp([*change.statements, there], [back, *change.back], first=change.first)


def is_used_elsewhere(context: AutogenContext, key: Key, schemas: Any) -> bool:
    """Return whether a table in a schema that is not compared uses the type. Then it must not be dropped."""
    own = context.inspector.default_schema_name
    values = {"schema": key[0] or own, "name": key[1], "compared": [schema or own for schema in schemas]}
    return bool(context.connection.scalar(ELSEWHERE, values))  # type: ignore[union-attr]


def _declared_enums(context: AutogenContext) -> Iterator[tuple[Column[Any], Any]]:
    for table in context.sorted_tables:
        for column in table.columns:
            kind = stored_type(column.type, context.dialect)
            if _is_native_enum(kind) and is_name_included(context, "enum", kind.name, kind.schema):
                yield column, kind


def stored_type(kind: Any, dialect: Any) -> Any:
    """Return what the database stores, without an array around it."""
    kind = _compat.variants(kind).get(dialect.name, kind)
    if isinstance(kind, TypeDecorator):
        return stored_type(kind.load_dialect_impl(dialect), dialect)
    return stored_type(kind.item_type, dialect) if isinstance(kind, ARRAY) else kind


def _change_values(
    context: AutogenContext,
    upgrade: ops.UpgradeOps,
    key: Key,
    had: list[str],
    wants: list[str],
    columns: list[Column[Any]],
) -> ReversibleSQLOp:
    """Return the operations that set the new values, and in the downgrade the old ones.

    New values are added before the tables change. If there are none, old values are removed afterwards. So a
    default can switch from a removed value, and to a new one.
    """
    dialect: Any = context.dialect
    name = quote_name(dialect, *key)
    new = [value for value in wants if value not in had]
    connection: Any = context.connection
    uses = (
        [tuple(row) for row in connection.execute(USES, {"type": name})]
        if new
        else list(_model_uses(context, columns))
    )
    dependent = connection.execute(DEPENDENT, {"cast": f"%::{name}%"}).all()
    up = list(_recreate_type(dialect, key, wants, uses, dependent))
    down = list(_recreate_type(dialect, key, had, uses, dependent))
    if [value for value in wants if value in had] == had and not _is_used(upgrade, new):
        up = [_add_value(name, wants, value) for value in reversed(new)]
    return ReversibleSQLOp(up, down, first=bool(new))


def _add_value(name: str, wants: list[str], value: str) -> str:
    """Add from the last to the first, so that the value after it exists."""
    behind = wants[wants.index(value) + 1 :]
    place = f" BEFORE {quote_literal(behind[0])}" if behind else ""
    return f"ALTER TYPE {name} ADD VALUE {quote_literal(value)}{place}"


def _is_used(upgrade: ops.UpgradeOps, values: list[str]) -> bool:
    """Return whether a default in the same revision uses one of the values."""
    steps: list[Any] = [step for table in upgrade.ops for step in getattr(table, "ops", [])]
    steps += [column for table in upgrade.ops for column in getattr(table, "columns", [])]
    defaults = [getattr(getattr(step, "column", step), "server_default", None) for step in steps]
    defaults += [getattr(step, "modify_server_default", None) for step in steps]
    text = " ".join(str(getattr(default, "arg", "")) for default in defaults if default)
    # A default of text() is SQL, in which a quote is doubled.
    return any(value in text or quote_literal(value)[1:-1] in text for value in values)


def _model_uses(context: AutogenContext, columns: list[Column[Any]]) -> Iterator[Use]:
    """Yield the columns as the models have them, for the state after the change."""
    dialect: Any = context.dialect
    compiler = dialect.ddl_compiler(dialect, None)
    quote = dialect.identifier_preparer
    for column in columns:
        default = compiler.get_column_default_string(column)
        default = default and undouble_percents(default, dialect)
        is_array = isinstance(column.type, ARRAY)
        yield quote.format_table(column.table), quote.quote(column.name), is_array, default


def _recreate_type(
    dialect: Any, key: Key, values: list[str], uses: Iterable[Use], dependent: Any
) -> Iterator[str]:
    name = quote_name(dialect, *key)
    old = f"{key[1][:LONGEST_NAME]}__old"
    yield from (drop for drop, _create in dependent)
    yield f"ALTER TYPE {name} RENAME TO {quote_name(dialect, old)}"
    yield f"CREATE TYPE {name} AS ENUM ({', '.join(map(quote_literal, values))})"
    for table, column, is_array, default in uses:
        kind, bridge = (f"{name}[]", "text[]") if is_array else (name, "text")
        alter = f"ALTER TABLE {table} ALTER COLUMN {column}"
        if default:
            yield f"{alter} DROP DEFAULT"
        yield f"{alter} TYPE {kind} USING {column}::{bridge}::{kind}"
        if default and set(map(unquote_literal, LITERAL.findall(default))) <= set(values) | {"{}"}:
            constant = LITERAL.match(default)  # a reported default includes the type
            yield f"{alter} SET DEFAULT {constant[0] if constant else default}"
    yield f"DROP TYPE {quote_name(dialect, key[0], old)}"
    yield from (create for _drop, create in dependent)
