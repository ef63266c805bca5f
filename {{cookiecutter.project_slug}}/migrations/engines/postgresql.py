"""PostgreSQL: DDL is transactional, and every revision gets a transaction of its own."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from .server import Server

DISCONNECT = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:a, :b)")


class PostgreSQL(Server):
    title = "PostgreSQL"
    # One transaction for all revisions would hold every lock until the last one is done.
    options: ClassVar[dict[str, Any]] = {"transactional_ddl": True, "transaction_per_migration": True}
    after_failure = "Nothing of this revision was applied"
    maintenance = "postgres"
    port = 5432
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
