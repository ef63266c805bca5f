"""PostgreSQL: DDL is transactional, and every revision gets a transaction of its own."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from .base import Database
from .server import Server

TERMINATE = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:old, :new)")


class PostgreSQL(Server):
    title = "PostgreSQL"
    # One transaction for all revisions would hold every lock until the last one is done.
    options: ClassVar[dict[str, Any]] = {"transactional_ddl": True, "transaction_per_migration": True}
    after_failure = "Nothing of this revision was applied"
    maintenance = "postgres"
    port = 5432
    lookup = "SELECT 1 FROM pg_database WHERE datname = :name"
    signs: ClassVar = {
        "password authentication failed": "{title} at {place} refuses the password of {user}: mend DATABASE_URL ({url}).",
        "no password supplied": "{title} at {place} wants a password for {user}: add it to DATABASE_URL ({url}).",
        'role "': "{title} at {place} knows no user {user}: mend DATABASE_URL ({url}).",
        "could not translate host name": "There is no host {place}: mend DATABASE_URL ({url}).",
        "failed to resolve host": "There is no host {place}: mend DATABASE_URL ({url}).",
        "permission denied to create database": "{user} may not create databases on {place}: create {name} by hand, or use another user.",
        "connection": "No {title} answers at {place}: start the server (docker compose up -d --wait), or mend DATABASE_URL ({url}).",
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

    def rebuild(self, fill: Callable[[Database], None]) -> None:
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
            connection.execute(TERMINATE, {"old": self.name, "new": new.name})
        url = self.url.set(database=self.maintenance)
        with PostgreSQL(url, self.args).connect() as connection, connection.begin():
            names = [database.quoted(connection) for database in (self, new, old)]
            if existed:
                connection.exec_driver_sql(f"ALTER DATABASE {names[0]} RENAME TO {names[2]}")
            connection.exec_driver_sql(f"ALTER DATABASE {names[1]} RENAME TO {names[0]}")
        old.drop()
