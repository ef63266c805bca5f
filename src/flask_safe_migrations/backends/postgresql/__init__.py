"""PostgreSQL: DDL is transactional, and every revision runs in its own transaction."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from alembic.operations import ops
from alembic.script import Script
from sqlalchemy import ColumnElement, Connection, Dialect, Engine, Text, cast, event, inspect, text
from sqlalchemy.exc import DBAPIError

from ... import settings
from ..locking import LockHolder
from ..schema import Schema, SchemaObject, TableName, qualify
from ..server import Server
from . import catalog, concurrent_index, dump, lifecycle, objects, probes
from . import lock as postgresql_lock
from .alter_table import PostgreSQLImpl  # noqa: F401 - importing it registers it
from .normalizer import PostgreSQLNormalizer

# https://www.postgresql.org/docs/current/errcodes-appendix.html
LOCK_NOT_AVAILABLE = "55P03"
NO_CONNECTION_LEFT = "has no connection left: stop a program that has some, or raise max_connections"
# The time has microseconds. The system_identifier would be the same on a standby.
IDENTITY = "SELECT oid, pg_postmaster_start_time() FROM pg_database WHERE datname = current_database()"

LIMIT_LOCK_WAITS = text(
    "SELECT set_config('lock_timeout', :limit, true) "
    "WHERE current_setting('lock_timeout')::interval NOT BETWEEN '1 ms' AND CAST(:limit AS interval)"
)


class PostgreSQL(Server):
    title = "PostgreSQL"
    utc_now = "timezone('utc', now())"
    dialects = ("postgresql",)
    has_schemas = True
    counts_given_keys = False
    with_given_keys = " OVERRIDING SYSTEM VALUE"
    normalizer = PostgreSQLNormalizer()
    # A single transaction for all revisions would hold every lock until the last one is done.
    options: ClassVar[dict[str, Any]] = {"transactional_ddl": True, "transaction_per_migration": True}
    after_failure = "Nothing of this revision was applied"
    suffix = "dump"
    has_templates = True
    maintenance = "postgres"
    port = 5432
    exists_query = "SELECT 1 FROM pg_database WHERE datname = :name"
    list_query = "SELECT datname FROM pg_database ORDER BY oid"
    lock_query = text("SELECT pg_try_advisory_lock(:number)::int")
    unlock_query = text("SELECT pg_advisory_unlock(:number)")
    users_query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND backend_type = 'client backend'"
    )
    # Connection errors have no code, only text.
    connection_hints: ClassVar = {
        "password authentication failed": "refuses the password of {user}: check {setting}",
        "no password supplied": "wants a password of {user}: add it to {setting}",
        'role "': "knows no user {user}: check {setting}",
        "translate host name": "cannot be found: check the host in {setting}",
        "failed to resolve host": "cannot be found: check the host in {setting}",
        "permission denied to create": "does not let {user} create {name}: create it, or use another user",
        "the database system is": "is starting or stopping: try again in a moment",
        "too many clients": NO_CONNECTION_LEFT,
        "slots are reserved": NO_CONNECTION_LEFT,
        "invalid ": "cannot be used with its options ({reason}): correct {setting}",
        "connection": "does not answer: start it (docker compose up -d --wait), or check {setting}",
    }
    oldest_transaction = text(
        "SELECT pid, usename, state, date_trunc('second', xact_start) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL "
        "ORDER BY xact_start LIMIT 1"
    )

    def store_versions_in(self, table: str | None, schema: str | None) -> None:
        super().store_versions_in(table, None)
        self.version_table_schema = schema

    def create_version_schema(self) -> None:
        if not self.version_table_schema:
            return
        with self._connect_in_autocommit() as connection:
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
        options = [f"-c {name}={math.ceil(limit * 1000)}" for name, limit in limits.items()]
        # The application's own options come last: of two values, the server uses the last one.
        return {"options": " ".join([*options, self.argument("options") or ""])}

    def limit_lock_waits(self, connection: Connection, seconds: int) -> None:
        # Of the transaction: behind a pooler, the session goes to others afterwards.
        def limit(begun: Connection) -> None:
            begun.execute(LIMIT_LOCK_WAITS, {"limit": f"{seconds}s"})

        driver: Any = connection.connection.driver_connection
        if not driver.autocommit:
            event.listen(connection, "begin", limit)

    @contextmanager
    def limit_query(self, connection: Connection, seconds: float) -> Iterator[None]:
        """A savepoint takes the setting back, and an error that would end the transaction."""
        milliseconds = math.ceil(seconds * 1000)  # 0 would be no limit
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            before = connection.exec_driver_sql("SHOW statement_timeout").scalar()
            set_timeout = text("SELECT set_config('statement_timeout', :value, false)")
            connection.execute(set_timeout, {"value": str(milliseconds)})
            try:
                yield
            finally:
                connection.execute(set_timeout, {"value": before})
            return
        with connection.begin_nested() as savepoint:
            set_timeout = text("SELECT set_config('statement_timeout', :value, true)")
            connection.execute(set_timeout, {"value": str(milliseconds)})
            yield
            savepoint.rollback()

    @contextmanager
    def lock(self) -> Iterator[bool]:
        with postgresql_lock.advisory_lock(self) as (waited, self.confirm_lock):  # type: ignore[method-assign]
            try:
                yield waited
            finally:
                del self.confirm_lock

    def find_lock_holder(self, connection: Connection) -> LockHolder | None:
        return postgresql_lock.find_holder(connection)

    keep_alive = staticmethod(postgresql_lock.disable_idle_timeout)
    migration_session = staticmethod(concurrent_index.resume_failed_builds)

    def identify(self, connection: Connection) -> Any:
        return tuple(connection.exec_driver_sql(IDENTITY).one())

    def before_revision(self, revision: Script, *, upgrade: bool) -> None:
        self.confirm_lock()

    def after_revision(self) -> None:
        self.confirm_lock()

    def is_lock_timeout(self, error: BaseException | None) -> bool:
        return bool(self.error_code(error) == LOCK_NOT_AVAILABLE)

    def error_code(self, error: BaseException | None) -> Any:
        original = getattr(error, "orig", error)
        return getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)  # psycopg, psycopg2

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

    def list_tables(self, connection: Connection) -> set[TableName]:
        found = catalog.list_tables(connection)
        return {table for table in found if qualify(table) not in self.internal_tables}

    def schema(self, connection: Connection) -> Schema:
        found = catalog.definitions(connection, self.internal_tables)
        found.pop(f"schema {self.version_table_schema}", None)
        return found

    def schema_objects(self, connection: Connection) -> list[SchemaObject]:
        own = ("schema", self.version_table_schema)
        return [each for each in objects.schema_objects(connection) if (each.kind.lower(), each.name) != own]

    table_sql = staticmethod(objects.table_sql)
    unsupported_objects = staticmethod(catalog.unsupported_objects)
    probe_objects = staticmethod(probes.probe_objects)
    dependent_tables = staticmethod(catalog.partitions)
    counter_sql = staticmethod(objects.counter_sql)
    estimate_rows = staticmethod(catalog.estimate_rows)

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
        self._create_schema()

    def prepare(self) -> None:
        if self.exists():
            self._create_schema()
        else:
            self.create()

    def _create_schema(self) -> None:
        with self._connect_in_autocommit() as connection:
            lifecycle.create_schema(connection)

    def _connect_in_autocommit(self) -> Connection:
        return self.create_engine(isolation_level="AUTOCOMMIT").connect()

    def drop(self) -> None:
        self.disconnect()
        with self.connect_to_maintenance() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.quoted(connection)} WITH (FORCE)")

    def clear(self) -> None:
        with self._connect_in_autocommit() as connection:
            lifecycle.clear(connection)
            lifecycle.create_schema(connection)

    def store(self, key: str) -> None:
        lifecycle.store_template(self, key)

    def load_stored(self, keys: Sequence[str]) -> str | None:
        return lifecycle.load_template(self, keys)

    def save(self, target: Path) -> None:
        dump.save(self, target)

    def load(self, source: Path) -> None:
        with self._connect_in_autocommit() as connection:
            lifecycle.drop_empty_schema(connection)  # the snapshot creates it
        dump.load(self, source)

    def copy_to(self, target: Self) -> None:
        lifecycle.copy_database(self, target)

    def replace_with(self, new: Self, old: Self) -> None:
        lifecycle.swap_names(self, new, old)
