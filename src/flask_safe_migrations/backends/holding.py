"""What a database holds: how it is described, compared, and worded as SQL."""

from typing import Any, ClassVar

from alembic.operations import ops
from sqlalchemy import ColumnElement, Connection, Dialect, Table

from .constraints import Part, Renaming, read
from .normalizer import Wording
from .objects import Made, parts_of
from .reaching import Reaching
from .schema import Schema


class Holding(Reaching):
    # Tables of the workflow's own, which are no difference to the models.
    private_tables: ClassVar[frozenset[str]] = frozenset({"migration_applied", "migration_marker"})
    # How it words a schema, for comparisons.
    wording: ClassVar[Wording]
    # What INSERT needs behind its columns where the key of a row is given and not made.
    with_given_keys: ClassVar[str] = ""
    # Whether a key that is given counts up what makes the next one.
    counts_given_keys: ClassVar[bool] = True

    @property
    def own_tables(self) -> frozenset[str]:
        """Those, and Alembic's: what is in a database but no table of the application's."""
        names = {self.version_table}
        if self.version_table_schema:
            names.add(f"{self.version_table_schema}.{self.version_table}")
        return self.private_tables | names

    def schema(self, connection: Connection) -> Schema:
        """Describe what this database holds, but for the tables of the workflow's own."""
        raise NotImplementedError

    def parts(self, connection: Connection) -> list[Part]:
        """Return the constraints and indexes, but for those of the workflow's own tables."""
        return read(connection, self.own_tables, unique_is_index=self.wording.indexes_foreign_keys)

    def complete(self, connection: Connection, table: Table) -> None:
        """Add to a reflected table what SQLAlchemy does not see in this engine."""

    def give_names(self, connection: Connection, like: Connection, changes: list[Renaming]) -> None:
        """Rename, or name, constraints and indexes of one table as those of the database `like` are named."""
        dialect = connection.dialect
        for change in changes:
            table = ops.ModifyTableOps(change.part.table, [], schema=change.part.schema)
            kind = "Index" if change.part.kind == "index" else "Constraint"
            sql = self.rename_sql(dialect, table, kind, str(change.part.name), change.new)
            connection.exec_driver_sql(str(sql))

    def rename_sql(
        self, dialect: Dialect, table: ops.ModifyTableOps, kind: str, old: str, new: str
    ) -> str | None:
        """Return SQL that renames an index or constraint; None where it has to be made anew."""
        return None

    def made(self, connection: Connection) -> list[Made]:
        """Return what is there besides tables, with the SQL that makes it, in an order in which it can be."""
        return []

    def table_sql(self, connection: Connection, table: str, schema: str | None = None) -> list[str]:
        """Return what makes a table and its indexes, in the engine's own words.

        Nothing for one that comes along with another table.
        """
        raise NotImplementedError

    def part_sql(self, connection: Connection, table: str, schema: str | None = None) -> dict[str, str]:
        """Return by name what makes an index or a constraint of a table that is there."""
        return parts_of(self.table_sql(connection, table, schema))

    def beyond(self, connection: Connection) -> list[str]:
        """Name what neither `schema` nor `made` can describe in full."""
        return []

    def counters(self, connection: Connection) -> dict[str, str]:
        """Return what counts keys up and has been used, each with the SQL that brings it where it is."""
        return {}

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The value in this column so that it can be written down, and means the same when it is inserted."""
        return column
