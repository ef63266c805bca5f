"""PostgreSQL: DDL is transactional, and every revision runs in its own transaction."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from alembic.operations import ops
from sqlalchemy import ColumnElement, Connection, Dialect, Engine, Text, cast, inspect, text
from sqlalchemy.exc import DBAPIError

from ... import settings
from ..objects import SchemaObject
from ..schema import Schema
from ..server import Server
from . import catalog, concurrent_index, dump, errors, objects, search_path, swap, templates, unsupported
from . import clear as postgresql_clear
from . import lock as postgresql_lock
from . import table_sql as postgresql_tables
from .normalizer import PostgreSQLNormalizer


class PostgreSQL(Server):
    title = "PostgreSQL"
    dialects = ("postgresql",)
    has_schemas = True
    counts_given_keys = False
    with_given_keys = " OVERRIDING SYSTEM VALUE"
    normalizer = PostgreSQLNormalizer()
    # A single transaction for all revisions would hold every lock until the last one is done.
    options: ClassVar[dict[str, Any]] = {"transactional_ddl": True, "transaction_per_migration": True}
    after_failure = "Nothing of this revision was applied"
    suffix = "dump"
    maintenance = "postgres"
    port = 5432
    exists_query = "SELECT 1 FROM pg_database WHERE datname = :name"
    list_query = "SELECT datname FROM pg_database ORDER BY oid"
    lock_query = text("SELECT pg_try_advisory_lock(:number)::int")
    unlock_query = text("SELECT pg_advisory_unlock(:number)")
    users_query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND backend_type = 'client backend'"
    )
    connection_hints = errors.SIGNS
    oldest_transaction = errors.OLDEST

    def store_versions_in(self, table: str | None, schema: str | None) -> None:
        super().store_versions_in(table, None)
        self.version_table_schema = schema

    def create_version_schema(self) -> None:
        if not self.version_table_schema:
            return
        with self.create_engine(isolation_level="AUTOCOMMIT").connect() as connection:
            # If the schema exists, do not require the privilege to create one.
            if not inspect(connection).has_schema(self.version_table_schema):
                schema = connection.dialect.identifier_preparer.quote(self.version_table_schema)
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")

    def create_read_only_engine(self) -> Engine:
        options = f"{self.argument('options') or ''} -c default_transaction_read_only=on"
        return self.create_engine({"options": options})

    def statement_limits(self) -> dict[str, Any]:
        """Return a short lock timeout: a waiting DDL statement blocks all later statements, even reads.

        https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
        """
        limits = {
            "lock_timeout": settings.active().statement_lock_timeout,
            "statement_timeout": settings.active().statement_timeout,
        }
        options = [f"-c {name}={int(limit * 1000)}" for name, limit in limits.items()]
        # The application's own options come last: of two values, the server uses the last one.
        return {"options": " ".join([*options, self.argument("options") or ""])}

    @contextmanager
    def lock(self) -> Iterator[bool]:
        with postgresql_lock.advisory_lock(self) as (waited, self.confirm_lock):  # type: ignore[method-assign]
            try:
                yield waited
            finally:
                del self.confirm_lock

    keep_alive = staticmethod(postgresql_lock.rest_as_long_as_it_takes)
    migration_session = staticmethod(concurrent_index.migrating)

    def before_revision(self, revision: str, *, upgrade: bool) -> None:
        self.confirm_lock()

    def after_revision(self) -> None:
        self.confirm_lock()

    def is_lock_timeout(self, error: BaseException | None) -> bool:
        return errors.sqlstate(error) == errors.LOCK_NOT_AVAILABLE

    def error_code(self, error: BaseException | None) -> Any:
        return errors.sqlstate(error)

    def rename_sql(
        self, dialect: Dialect, table: ops.ModifyTableOps, kind: str, old: str, new: str
    ) -> str | None:
        if not kind:  # an index on one side, a constraint on the other
            return None
        quote = dialect.identifier_preparer.quote
        if kind == "Index":
            schema = f"{quote(table.schema)}." if table.schema else ""
            return f"ALTER INDEX {schema}{quote(old)} RENAME TO {quote(new)}"
        place = self.quoted_table(dialect, table)
        return f"ALTER TABLE {place} RENAME CONSTRAINT {quote(old)} TO {quote(new)}"

    def schema(self, connection: Connection) -> Schema:
        found = catalog.definitions(connection, self.internal_tables)
        found.pop(f"schema {self.version_table_schema}", None)
        return found

    def schema_objects(self, connection: Connection) -> list[SchemaObject]:
        own = ("schema", self.version_table_schema)
        return [each for each in objects.made(connection) if (each.kind.lower(), each.name) != own]

    table_sql = staticmethod(postgresql_tables.table_sql)
    unsupported_objects = staticmethod(unsupported.beyond)
    counter_sql = staticmethod(objects.counters)

    def readable_value(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(column, Text)

    def session_settings(self) -> list[str]:
        with self.connect_to_maintenance() as connection:  # a role may have a search_path of its own
            path = connection.exec_driver_sql("SHOW search_path").scalar()
        return [*super().session_settings(), str(path), str(self.version_table_schema)]

    def create(self) -> None:
        with self.connect_to_maintenance() as connection:
            try:
                connection.exec_driver_sql(f"CREATE DATABASE {self.quoted(connection)}")
            except DBAPIError:
                # Another process created it at the same moment.
                if not connection.scalar(text(self.exists_query), {"name": self.name}):
                    raise
        search_path.make_schema(self)

    def prepare(self) -> None:
        super().prepare()
        search_path.make_schema(self)

    def drop(self) -> None:
        with self.connect_to_maintenance() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.quoted(connection)} WITH (FORCE)")

    def clear(self) -> None:
        with self.connect() as connection:
            postgresql_clear.clear(connection)
        search_path.make_schema(self)

    def store(self, key: str) -> None:
        templates.keep(self, key)

    def load_stored(self, keys: Sequence[str]) -> str | None:
        return templates.recall(self, keys)

    def save(self, target: Path) -> None:
        dump.save(self, target)

    def load(self, source: Path) -> None:
        search_path.drop_empty_schema(self)  # the snapshot creates it
        dump.load(self, source)

    def copy_to(self, target: Self) -> None:
        templates.copy(self, target)

    def rebuild(self, fill: Callable[..., None]) -> None:
        swap.rebuild(self, fill)
