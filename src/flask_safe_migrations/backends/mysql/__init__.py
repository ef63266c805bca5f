"""MariaDB and MySQL: every DDL statement commits, so a revision is not one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Self

from alembic.operations import ops
from alembic.script import Script
from sqlalchemy import Connection, Dialect, Engine, Table, event, text
from sqlalchemy.dialects.mysql import INET4, INET6
from sqlalchemy.exc import DBAPIError

from ..base import HalfApplied
from ..constraints import ConstraintInfo, ConstraintRename
from ..locking import LockHolder
from ..schema import Schema
from ..server import Server
from . import alter_table, dump, introspection, journal, lifecycle, probes, stored_objects
from . import lock as migration_lock
from .connection import (
    DRIVERS,
    LOCK_ERRORS,
    NOT_IN_CLUSTER,
    MySQLClient,
    PyMySQL,
    apply_settings,
    error_code,
    limit_lock_waits,
    run_in_cluster,
    statement_limits,
)
from .normalizer import MariaDBNormalizer
from .resume import Resumption, resuming
from .revision_position import RevisionPosition
from .statements import execute_nowait, limit_time

SESSIONS = text("SELECT id FROM information_schema.processlist WHERE db = :name AND id <> connection_id()")


class MariaDB(Server):
    title = "MariaDB"
    utc_now = "utc_timestamp()"
    dialects = ("mysql", "mariadb")
    normalizer = MariaDBNormalizer()
    # Set explicitly: with several databases, Alembic would keep the value of the previous one.
    options: ClassVar[dict[str, Any]] = {"transactional_ddl": False, "transaction_per_migration": False}
    after_failure = "What ran before it stays, and the next run goes on from there"
    library_tables = Server.library_tables | {journal.TABLE, migration_lock.TABLE, stored_objects.TABLE}
    resumption: Resumption | None = None
    # The lease on a Galera cluster, while it is held.
    lease: migration_lock.Lease | None = None
    suffix = "sql"
    maintenance = None
    port = 3306
    oldest_transaction = migration_lock.OLDEST_TRANSACTION
    # PyMySQL waits forever for the greeting of a server that is not MySQL, such as PostgreSQL.
    connect_args: ClassVar = {**Server.connect_args, "read_timeout": 3}
    exists_query = "SELECT 1 FROM information_schema.schemata WHERE schema_name = :name"
    list_query = "SELECT schema_name FROM information_schema.schemata"
    lock_query = text("SELECT GET_LOCK(concat('shadow:', :number), 0)")
    unlock_query = text("SELECT RELEASE_LOCK(concat('shadow:', :number))")
    users_query = text("SELECT count(*) FROM information_schema.processlist WHERE db = :name")
    # https://mariadb.com/kb/en/mariadb-error-code-reference/
    connection_hints: ClassVar = {
        "(1045": "refuses the password of {user}: check {setting}",
        "(1698": "refuses the password of {user}: check {setting}",
        "(1044": "does not let {user} use or create {name}: grant it, or use another user",
        "name or service not known": "cannot be found: check the host in {setting}",
        "name resolution": "cannot be found: check the host in {setting}",
        "(2013": "does not answer like one: check the port in {setting}",
        "(2005": "cannot be found: check the host in {setting}",
        "(2002": "does not answer: start one with `docker compose up -d --wait`, or install one "
        "(apt install mariadb-server) and set {setting}",
        "(2003": "does not answer: start one with `docker compose up -d --wait`, or install one "
        "(apt install mariadb-server) and set {setting}",
    }

    def create_engine(self, arguments: dict[str, Any] | None = None, **options: Any) -> Engine:
        # NullPool closes returned connections. A ROLLBACK before that would fail on a node that is cut off.
        engine = super().create_engine(arguments, pool_reset_on_return=None, **options)
        # Insert rows one by one: the journal stores the key of each, but not rows that an INSERT returned.
        engine.dialect.insert_executemany_returning = False
        engine.dialect.insert_executemany_returning_sort_by_parameter_order = False
        # SQLAlchemy creates columns of these types, and does not recognize them.
        dialect: Any = engine.dialect
        dialect.ischema_names = dialect.ischema_names | {"inet4": INET4, "inet6": INET6}
        given, driver = arguments or {}, self.driver
        command = self.argument("init_command")
        replaced = command if given.get("init_command", command) != command else None

        def connected(connection: Any, _record: Any) -> None:
            driver.connected(connection, unlimited="read_timeout" not in given)
            apply_settings(connection, replaced, cluster=self.lease is not None)

        # Before SQLAlchemy asks for the sql_mode, on which quotes depend.
        event.listen(engine, "connect", connected, insert=True)
        return engine

    @property
    def driver(self) -> PyMySQL | MySQLClient:
        return DRIVERS[self.url.get_driver_name()]

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        return self.driver.arguments(super().arguments(given), unlimited="read_timeout" not in given)

    def create_read_only_engine(self) -> Engine:
        return self.create_engine({"init_command": "SET SESSION TRANSACTION READ ONLY"})

    limit_query = staticmethod(limit_time)
    limit_lock_waits = staticmethod(limit_lock_waits)

    def statement_limits(self) -> dict[str, Any]:
        return statement_limits()

    def prepare(self) -> None:
        run_in_cluster(super().prepare)
        lifecycle.finish_swap(self)

    keep_alive = staticmethod(migration_lock.keep_alive)

    def sees_all_locks(self, connection: Connection) -> bool:
        return not migration_lock.is_cluster(connection)

    @contextmanager
    def lock(self) -> Iterator[bool]:
        with self.create_engine(
            self.statement_limits(), isolation_level="AUTOCOMMIT"
        ).connect() as connection:
            if not migration_lock.is_cluster(connection):
                with migration_lock.server_lock(self, connection) as waited:
                    yield waited
                return
        with migration_lock.hold_lease(self) as (self.lease, waited):
            try:
                yield waited
            finally:
                self.lease = None

    def find_lock_holder(self, connection: Connection) -> LockHolder | None:
        return migration_lock.find_holder(self, connection)

    @contextmanager
    def migration_session(self, connection: Connection) -> Iterator[None]:
        self.confirm_lock()
        engine = connection.engine
        listens = not self.lease  # a cluster changes its schema on all nodes at once, and waits for nothing
        if listens:
            event.listen(engine, "do_execute", execute_nowait)
        try:
            with resuming(connection, self.internal_tables, self.lease) as self.resumption:
                yield
        finally:
            if listens:  # the engine may be the caller's
                event.remove(engine, "do_execute", execute_nowait)

    def is_half_applied(self) -> bool:
        return bool(self.resumption and self.resumption.journal.steps())

    def explain_half_applied(self, connection: Connection) -> str | None:
        steps = journal.Journal(connection, None).steps()
        return journal.explain(steps[0]) if steps else None

    def identify(self, connection: Connection) -> Any:
        if migration_lock.is_cluster(connection):  # the same database on each node
            cluster = "SHOW GLOBAL STATUS LIKE 'wsrep_cluster_state_uuid'"
            return (*connection.exec_driver_sql(cluster).one(), self.name)
        query = "SELECT @@hostname, @@port, @@socket, @@datadir, database()"
        return tuple(connection.exec_driver_sql(query).one())

    def read_half_applied(self, connection: Connection) -> HalfApplied | None:
        reader = journal.Journal(connection, None)
        steps = reader.steps()
        if not steps:
            return None
        rows = list(reader.read(steps[0]).values())
        running = next((reader.describe_running(row.session) for row in rows if not row.done), None)
        if running and "lock" in running:
            running += self.describe_oldest_transaction(connection)
        statements = tuple(" ".join(row.statement.split()) for row in rows)
        return HalfApplied(steps[0], statements, not all(row.done for row in rows), running)

    def abandon_half_applied(self, connection: Connection, step: str) -> None:
        Resumption(journal.Journal(connection, self.lease)).abandon(step)

    def before_revision(self, revision: Script, *, upgrade: bool) -> None:
        if self.resumption:
            step = revision.revision if upgrade else f"{journal.DOWNGRADE}{revision.revision}"
            self.resumption.open(step, RevisionPosition(Path(str(revision.module.__file__))))

    def after_revision(self) -> None:
        if self.resumption:
            self.resumption.close()

    def is_lock_timeout(self, error: BaseException | None) -> bool:
        return error_code(error) in LOCK_ERRORS

    def error_code(self, error: BaseException | None) -> Any:
        return error_code(error)

    def confirm_lock(self) -> None:
        if self.lease:
            self.lease.confirm()

    def explain_error(self, error: DBAPIError) -> str | None:
        self.confirm_lock()  # if the lease is lost, that is the cause of the error
        if error_code(error) == NOT_IN_CLUSTER:
            return (
                f"{self.title} at {self.url.host or 'localhost'}:{self.url.port or self.port} takes no "
                "part in its cluster at present: see which nodes run, then `flask db upgrade` goes on."
            )
        return super().explain_error(error)

    def rename_sql(
        self, dialect: Dialect, table: ops.ModifyTableOps, kind: str, old: str, new: str
    ) -> str | None:
        if kind not in {"Index", "UniqueConstraint", ""}:
            return None
        quote = dialect.identifier_preparer.quote
        return f"ALTER TABLE {self.quoted_table(dialect, table)} RENAME INDEX {quote(old)} TO {quote(new)}"

    def constraints(self, connection: Connection) -> list[ConstraintInfo]:
        return super().constraints(connection) + introspection.column_checks(connection, self.internal_tables)

    def enrich_table(self, connection: Connection, table: Table) -> None:
        introspection.enrich_table(connection, table)

    def rename_constraints(
        self, connection: Connection, like: Connection, changes: list[ConstraintRename]
    ) -> None:
        alter_table.rename_constraints(connection, like, changes)

    def schema(self, connection: Connection) -> Schema:
        return introspection.definitions(connection, self.internal_tables)

    schema_objects = staticmethod(stored_objects.schema_objects)
    probe_objects = staticmethod(probes.probe_objects)
    table_sql = staticmethod(introspection.table_sql)
    counter_sql = staticmethod(introspection.counter_sql)
    estimate_rows = staticmethod(introspection.estimate_rows)

    def create(self) -> None:
        with self.connect_to_maintenance() as connection:
            name = self.quoted(connection)
            connection.exec_driver_sql(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4")

    def drop(self) -> None:
        """End the sessions that use it first: DROP DATABASE waits for their transactions."""
        self.disconnect()
        with self.connect_to_maintenance() as connection:
            for session in connection.scalars(SESSIONS, {"name": self.name}):
                with suppress(DBAPIError):  # the session has already ended
                    connection.exec_driver_sql(f"KILL {session}")
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.quoted(connection)}")

    def clear(self) -> None:
        with self.connect() as connection:
            lifecycle.clear(connection)

    def save(self, target: Path) -> None:
        dump.save(self, target)

    def load(self, source: Path) -> None:
        dump.load(self, source)

    def copy_to(self, target: Self) -> None:
        lifecycle.copy(self, target)

    def replace_with(self, new: Self, old: Self) -> None:
        lifecycle.swap(self, new, old)
