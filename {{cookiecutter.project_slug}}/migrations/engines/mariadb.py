"""MariaDB and MySQL: every DDL statement commits, there is no transaction around a revision."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar

from alembic.operations import ops
from sqlalchemy import Connection, Dialect, event
from sqlalchemy import Engine as Pool

from . import dumping, mariadb_lock
from .mariadb_journal import TABLE, Journal, journalling
from .server import Server

NOW = "(now|current_timestamp|localtime|localtimestamp)"


class MariaDB(Server):
    title = "MariaDB"
    options: ClassVar[dict[str, Any]] = {}
    after_failure = "What ran before it stays, and the next run goes on from there"
    private_tables = frozenset({TABLE})
    journal: Journal | None = None
    suffix = "sql"
    maintenance = None
    port = 3306
    # PyMySQL waits for ever for the greeting of a server that is none, such as PostgreSQL's.
    connect_args: ClassVar = {**Server.connect_args, "read_timeout": 3}
    lookup = "SELECT 1 FROM information_schema.schemata WHERE schema_name = :name"
    # https://mariadb.com/kb/en/mariadb-error-code-reference/
    signs: ClassVar = {
        "(1045": "refuses the password of {user}: mend DATABASE_URL",
        "(1698": "refuses the password of {user}: mend DATABASE_URL",
        "(1044": "does not let {user} use or create {name}: grant it, or use another user",
        "name or service not known": "cannot be found: mend the host in DATABASE_URL",
        "name resolution": "cannot be found: mend the host in DATABASE_URL",
        "(2013": "does not answer like one: mend the port in DATABASE_URL",
        "(2003": "does not answer: start one with `docker compose up -d --wait`, or install one "
        "(apt install mariadb-server) and set DATABASE_URL",
    }

    def pool(self, arguments: dict[str, Any] | None = None, **options: Any) -> Pool:
        pool = super().pool(arguments, **options)
        event.listen(pool, "connect", _wait_without_end)
        return pool

    def lock(self) -> AbstractContextManager[bool]:
        return mariadb_lock.server_lock(self)

    @contextmanager
    def migrating(self, connection: Connection) -> Iterator[None]:
        with journalling(connection, "alembic_version") as self.journal:
            yield

    def resumes(self) -> bool:
        return bool(self.journal and self.journal.half_applied())

    def starting(self, revision: str, *, upgrade: bool) -> None:
        if self.journal:
            self.journal.open(f"{'' if upgrade else 'the downgrade of '}{revision}")

    def finished(self) -> None:
        if self.journal and self.journal.step:
            self.journal.close()

    @staticmethod
    def compare_server_default(*arguments: Any) -> bool:  # type: ignore[override]
        """Alembic's documentation of context.configure() has the arguments under this name."""
        _migration, _reflected, _column, stored, _default, wanted = arguments
        return _normal(stored) != _normal(wanted)

    def rename_sql(
        self, dialect: Dialect, table: ops.ModifyTableOps, kind: str, old: str, new: str
    ) -> str | None:
        if kind not in {"Index", "UniqueConstraint", ""}:
            return None
        quote = dialect.identifier_preparer.quote
        return f"ALTER TABLE {self.quoted_table(dialect, table)} RENAME INDEX {quote(old)} TO {quote(new)}"

    def create(self) -> None:
        with self.administering() as connection:
            name = self.quoted(connection)
            connection.exec_driver_sql(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4")

    def drop(self) -> None:
        with self.administering() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.quoted(connection)}")

    def save(self, target: Path) -> None:
        program = dumping.find("mariadb-dump", "mysqldump")
        options = ["--single-transaction", "--routines", "--triggers", "--events", f"--result-file={target}"]
        dumping.run([program, *self._login(), *options, self.name], self._secrets())

    def load(self, source: Path) -> None:
        program = dumping.find("mariadb", "mysql")
        with source.open("rb") as dump:
            dumping.run([program, *self._login(), self.name], self._secrets(), dump)

    def _login(self) -> list[str]:
        port = self.url.port or self.port
        login = [
            "--no-defaults",
            "--protocol=tcp",
            f"--host={self.url.host or 'localhost'}",
            f"--port={port}",
        ]
        return [*login, "--default-character-set=utf8mb4", f"--user={self.url.username or 'root'}"]

    def _secrets(self) -> dict[str, str]:
        return {"MYSQL_PWD": str(self.url.password)} if self.url.password else {}

    def rebuild(self, fill: Callable[..., None]) -> None:
        """Fill a trial database first, to see that it works: a database cannot be renamed here."""
        trial = self.sibling(f"{self.name[:50]}_building")
        trial.drop()
        trial.create()
        try:
            fill(trial, quiet=True)
        finally:
            trial.drop()
        self.drop()
        self.create()
        fill(self)


def _wait_without_end(connection: Any, _record: Any) -> None:
    """Connected: from here on a statement may take hours. PyMySQL has no public way to say so."""
    if not hasattr(connection, "_read_timeout"):
        raise RuntimeError("PyMySQL has changed: see _wait_without_end in migrations/engines/mariadb.py")
    connection._read_timeout = None


def _normal(default: str | None) -> str | None:
    """The server writes a default its own way: now() comes back as current_timestamp(), 1 as '1'."""
    if default is None:
        return None
    text = default.strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    if re.fullmatch(rf"{NOW}(\(\d*\))?", text, re.IGNORECASE):
        return "now" + "".join(re.findall(r"\d", text))
    return re.sub(r"^'(.*)'$", r"\1", text, flags=re.DOTALL)
