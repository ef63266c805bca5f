"""PostgreSQL: how its catalog reports indexes, constraints and extensions."""

import re
from typing import Any

from sqlalchemy import ARRAY, Connection, Dialect, Enum, String, Table, text, types
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from ... import _compat
from ..escaping import quote_name
from ..normalizer import Normalizer

# Indexes that do not belong to a constraint, and exclusion constraints, which have an index.
DEFINITIONS = text("""
    SELECT i.relname, pg_get_indexdef(x.indexrelid) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    WHERE x.indrelid = CAST(:table AS regclass)
      AND NOT EXISTS (
        SELECT FROM pg_constraint c WHERE c.conindid = x.indexrelid AND c.contype IN ('p', 'u', 'x')
      )
    UNION ALL
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = CAST(:table AS regclass) AND contype = 'x'
""")
OWNED = (
    "SELECT relname FROM pg_class c WHERE EXISTS (SELECT FROM pg_depend "
    "WHERE classid = c.tableoid AND objid = c.oid AND deptype = 'e')"
)
TYPES = OWNED.replace("relname FROM pg_class", "typname FROM pg_type")
# Matches the table, whose schema and name may contain spaces.
ON_TABLE = re.compile(r""" ON (ONLY )?("([^"]|"")+"|[^\s"])+ USING""")
# The reported form of x IN ('a', 'b'). A CHECK created from that form is reported differently again.
VARCHAR = re.compile(r"(?<=')::character varying")
LIST = re.compile(
    r"""(\w+|"[^"]+")::text = ANY \(ARRAY\[((?:'(?:[^']|'')*'::character varying(?:, )?)+)\]"""
    r"""(?:::text\[\])?\)"""
)
ASSIGNABLE = ((types.Integer, types.Numeric), (types.Date, types.DateTime))
CAST = re.compile(r"""('(?:[^']|'')*')::[\w ."]+""")


class PostgreSQLNormalizer(Normalizer):
    names_primary_keys = True
    repeats_autoincrement = False

    def needs_no_foreign_key(self, old: TypeEngine[Any] | None, new: TypeEngine[Any]) -> bool:
        """The two columns change one after the other: between them, their types must be comparable."""
        return old is None or not _compat.have_one_affinity(old, new)

    def normalize_default(self, reported: str | None) -> str | None:
        """Remove the type that the server reports after a literal."""
        found = CAST.fullmatch(reported or "")
        return found[1] if found else reported

    def normalize_check(self, reported: str) -> str:
        return LIST.sub(lambda found: f"{found[1]} IN ({VARCHAR.sub('', found[2])})", reported)

    def cast(
        self, dialect: Dialect, column: str, old: TypeEngine[Any] | None, new: TypeEngine[Any]
    ) -> str | None:
        """Return the cast. PostgreSQL converts any type to text, and numbers to other numbers, without one.

        https://www.postgresql.org/docs/current/sql-createcast.html ("AS ASSIGNMENT")
        """
        by_itself = isinstance(new, String) and not isinstance(new, Enum)
        if by_itself or any(isinstance(old, kinds) and isinstance(new, kinds) for kinds in ASSIGNABLE):
            return None
        return f"{dialect.identifier_preparer.quote(column)}::{new.compile(dialect)}"

    def definitions(self, connection: Connection, table: str, schema: str | None = None) -> dict[str, str]:
        place = {"table": quote_name(connection.dialect, schema, table)}
        rows = connection.execute(DEFINITIONS, place)
        return {name: ON_TABLE.sub(" ON USING", definition) for name, definition in rows}

    def is_plain(self, definition: str) -> bool:
        """Return whether the index has only columns.

        Quoted names may contain anything and do not count as plain.
        """
        return bool(re.search(r"ON USING btree \([\w, ]+\)$", definition)) and " DESC" not in definition

    def of_extensions(self, connection: Connection) -> set[str]:
        return {name for query in (OWNED, TYPES) for (name,) in connection.exec_driver_sql(query)}

    def make(self, connection: Connection, table: Table) -> None:
        """Create the table with its own types, because a type of the same name may exist with other values.

        pg_temp is searched before the schema of that type.
        """
        for kind in {enum.name: enum for enum in _enums(table)}.values():
            postgresql.ENUM(*kind.enums, name=kind.name, schema="pg_temp").create(
                connection, checkfirst=False
            )
        super().make(connection, table)


def _enums(table: Table) -> list[Enum]:
    kinds: list[Any] = [column.type for column in table.columns]
    kinds = [kind.item_type if isinstance(kind, ARRAY) else kind for kind in kinds]
    kinds = [getattr(kind, "impl_instance", kind) for kind in kinds]
    return [kind for kind in kinds if isinstance(kind, Enum) and kind.native_enum and not kind.schema]
