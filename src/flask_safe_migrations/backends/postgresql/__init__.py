"""PostgreSQL: DDL is transactional, and every revision gets a transaction of its own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from alembic.operations import ops
from sqlalchemy import ColumnElement, Connection, Dialect, Text, cast, inspect, text
from sqlalchemy import Engine as Pool
from sqlalchemy.exc import DBAPIError

from ... import settings
from ..objects import Made
from ..schema import Schema
from ..server import Server
from . import catalog, concurrent_index, dump, errors, objects, swap, templates, unsupported
from . import clear as postgresql_clear
from . import lock as postgresql_lock
from . import table_sql as postgresql_tables
from .normalizer import PostgreSQLWording


class PostgreSQL(Server):
    title = "PostgreSQL"
    dialects = ("postgresql",)
    has_schemas = True
    counts_given_keys = False
    with_given_keys = " OVERRIDING SYSTEM VALUE"
    wording = PostgreSQLWording()
    # One transaction for all revisions would hold every lock until the last one is done.
    options: ClassVar[dict[str, Any]] = {"transactional_ddl": True, "transaction_per_migration": True}
    after_failure = "Nothing of this revision was applied"
    suffix = "dump"
    maintenance = "postgres"
    port = 5432
    lookup = "SELECT 1 FROM pg_database WHERE datname = :name"
    names = "SELECT datname FROM pg_database ORDER BY oid"
    hold = text("SELECT pg_try_advisory_lock(:number)::int")
    let_go = text("SELECT pg_advisory_unlock(:number)")
    users = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND backend_type = 'client backend'"
    )
    signs = errors.SIGNS
    oldest = errors.OLDEST

    def store_versions_in(self, table: str | None, schema: str | None) -> None:
        super().store_versions_in(table, None)
        self.version_table_schema = schema

    def create_version_schema(self) -> None:
        if not self.version_table_schema:
            return
        with self.pool(isolation_level="AUTOCOMMIT").connect() as connection:
            # Where it exists nobody is asked for the right to create one.
            if not inspect(connection).has_schema(self.version_table_schema):
                schema = connection.dialect.identifier_preparer.quote(self.version_table_schema)
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")

    def reading(self) -> Pool:
        options = f"{self.args.get('options', '')} -c default_transaction_read_only=on"
        return self.pool({"options": options})

    def limits(self) -> dict[str, Any]:
        """A statement that waits for a lock stops all who come after it, readers too: it gives way soon.

        https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
        """
        limits = {
            "lock_timeout": settings.active().statement_lock_timeout,
            "statement_timeout": settings.active().statement_timeout,
        }
        options = [f"-c {name}={int(limit * 1000)}" for name, limit in limits.items()]
        return {"options": " ".join([*options, str(self.args.get("options", ""))])}

    @contextmanager
    def lock(self) -> Iterator[bool]:
        with postgresql_lock.advisory_lock(self) as (waited, self.confirm):  # type: ignore[method-assign]
            try:
                yield waited
            finally:
                del self.confirm

    rest = staticmethod(postgresql_lock.rest_as_long_as_it_takes)
    migrating = staticmethod(concurrent_index.migrating)

    def starting(self, revision: str, *, upgrade: bool) -> None:
        self.confirm()

    def finished(self) -> None:
        self.confirm()

    def gave_way(self, error: BaseException | None) -> bool:
        return errors.sqlstate(error) == errors.LOCK_NOT_AVAILABLE

    def error_code(self, error: BaseException | None) -> Any:
        return errors.sqlstate(error)

    def rename_sql(
        self, dialect: Dialect, table: ops.ModifyTableOps, kind: str, old: str, new: str
    ) -> str | None:
        if not kind:  # an index of one kind, a constraint of the other
            return None
        quote = dialect.identifier_preparer.quote
        if kind == "Index":
            schema = f"{quote(table.schema)}." if table.schema else ""
            return f"ALTER INDEX {schema}{quote(old)} RENAME TO {quote(new)}"
        place = self.quoted_table(dialect, table)
        return f"ALTER TABLE {place} RENAME CONSTRAINT {quote(old)} TO {quote(new)}"

    def schema(self, connection: Connection) -> Schema:
        found = catalog.definitions(connection, self.own_tables)
        found.pop(f"schema {self.version_table_schema}", None)
        return found

    def made(self, connection: Connection) -> list[Made]:
        own = ("schema", self.version_table_schema)
        return [made for made in objects.made(connection) if (made.kind.lower(), made.name) != own]

    table_sql = staticmethod(postgresql_tables.table_sql)
    beyond = staticmethod(unsupported.beyond)
    counters = staticmethod(objects.counters)

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(column, Text)

    def create(self) -> None:
        with self.administering() as connection:
            try:
                connection.exec_driver_sql(f"CREATE DATABASE {self.quoted(connection)}")
            except DBAPIError:
                # Somebody else made it in the same moment.
                if not connection.scalar(text(self.lookup), {"name": self.name}):
                    raise

    def drop(self) -> None:
        with self.administering() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.quoted(connection)} WITH (FORCE)")

    def clear(self) -> None:
        with self.connect() as connection:
            postgresql_clear.clear(connection)

    def keep(self, key: str) -> None:
        templates.keep(self, key)

    def recall(self, keys: Sequence[str]) -> str | None:
        return templates.recall(self, keys)

    def save(self, target: Path) -> None:
        dump.save(self.url, target)

    def load(self, source: Path) -> None:
        dump.load(self.url, source)

    def rebuild(self, fill: Callable[..., None]) -> None:
        swap.rebuild(self, fill)
