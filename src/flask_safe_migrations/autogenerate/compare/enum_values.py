"""PostgreSQL: change the values of an enum type.

A value is added in place. A value cannot be removed, and a new value cannot be used in the transaction that
adds it. In these cases the type is created again and its columns are converted. If a row has a removed
value, the conversion fails and nothing is changed.
https://www.postgresql.org/docs/current/sql-altertype.html
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import ARRAY, Column, text

from ...backends.escaping import undouble_percents
from ..reversible_sql import ReversibleSQLOp

# The columns of the type: table, column, whether it is an array, default.
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
# A reported default includes the type.
LITERAL = re.compile(r"'((?:[^']|'')*)'")
Use = tuple[str, str, bool, str | None]


def change(
    context: AutogenContext,
    upgrade: ops.UpgradeOps,
    key: tuple[str | None, str],
    had: list[str],
    wants: list[str],
    columns: list[Column[Any]],
) -> ReversibleSQLOp:
    """Return the operations that set the new values, and in the downgrade the old ones.

    New values are added before the tables change. If there are none, old values are removed afterwards. So a
    default can switch from a removed value, and to a new one.
    """
    quote: Any = context.dialect.identifier_preparer.quote
    name = ".".join(quote(part) for part in key if part)
    new = [value for value in wants if value not in had]
    connection: Any = context.connection
    uses = (
        [tuple(row) for row in connection.execute(USES, {"type": name})]
        if new
        else list(_uses(context, columns))
    )
    dependent = connection.execute(DEPENDENT, {"cast": f"%::{name}%"}).all()
    up = list(_anew(name, wants, uses, dependent))
    down = list(_anew(name, had, uses, dependent))
    if [value for value in wants if value in had] == had and not _is_used(upgrade, new):
        up = [_added(name, wants, value) for value in reversed(new)]
    return ReversibleSQLOp(up, down, first=bool(new))


def _added(name: str, wants: list[str], value: str) -> str:
    """Add from the last to the first, so that the value after it exists."""
    behind = wants[wants.index(value) + 1 :]
    place = f" BEFORE {_literal(behind[0])}" if behind else ""
    return f"ALTER TYPE {name} ADD VALUE {_literal(value)}{place}"


def _is_used(upgrade: ops.UpgradeOps, values: list[str]) -> bool:
    """Return whether a default in the same revision uses one of the values."""
    steps: list[Any] = [step for table in upgrade.ops for step in getattr(table, "ops", [])]
    steps += [column for table in upgrade.ops for column in getattr(table, "columns", [])]
    defaults = [getattr(getattr(step, "column", step), "server_default", None) for step in steps]
    defaults += [getattr(step, "modify_server_default", None) for step in steps]
    said = " ".join(str(getattr(default, "arg", "")) for default in defaults if default)
    return any(value in said for value in values)


def _uses(context: AutogenContext, columns: list[Column[Any]]) -> Iterator[Use]:
    """Yield the columns as the models have them, for the state after the change."""
    dialect: Any = context.dialect
    compiler = dialect.ddl_compiler(dialect, None)
    quote = dialect.identifier_preparer
    for column in columns:
        default = compiler.get_column_default_string(column)
        default = default and undouble_percents(default, dialect)
        is_array = isinstance(column.type, ARRAY)
        yield quote.format_table(column.table), quote.quote(column.name), is_array, default


def _anew(name: str, values: list[str], uses: Iterable[Any], dependent: Any) -> Iterator[str]:
    old = f"{name.strip(chr(34)).rpartition('.')[2].strip(chr(34))}__old"
    place = f'{name.rpartition(".")[0]}."{old}"' if "." in name else f'"{old}"'
    yield from (drop for drop, _create in dependent)
    yield f'ALTER TYPE {name} RENAME TO "{old}"'
    yield f"CREATE TYPE {name} AS ENUM ({', '.join(map(_literal, values))})"
    for table, column, is_array, default in uses:
        kind, bridge = (f"{name}[]", "text[]") if is_array else (name, "text")
        alter = f"ALTER TABLE {table} ALTER COLUMN {column}"
        if default:
            yield f"{alter} DROP DEFAULT"
        yield f"{alter} TYPE {kind} USING {column}::{bridge}::{kind}"
        if default and set(LITERAL.findall(default)) <= set(values) | {"{}"}:
            constant = LITERAL.match(default)
            yield f"{alter} SET DEFAULT {constant[0] if constant else default}"
    yield f"DROP TYPE {place}"
    yield from (create for _drop, create in dependent)


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
