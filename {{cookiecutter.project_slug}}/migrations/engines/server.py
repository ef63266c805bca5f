"""What PostgreSQL and MariaDB have in common: a server that holds many databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from .base import Database


class Server(Database):
    # Seconds. Without it a server behind a firewall is waited for for minutes.
    connect_args: ClassVar = {"connect_timeout": 5}
    # The database to connect to when the one in question may not exist; None for none at all.
    maintenance: ClassVar[str | None]
    port: ClassVar[int]

    @contextmanager
    def administering(self) -> Iterator[Connection]:
        url = self.url.set(database=self.maintenance or "")
        with type(self)(url, self.args).connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def quoted(self, connection: Connection) -> str:
        return connection.dialect.identifier_preparer.quote_identifier(self.name)

    def exists(self) -> bool:
        try:
            with self.connect():
                return True
        except DBAPIError:
            with self.administering() as connection:
                if not connection.scalar(text(self.lookup), {"name": self.name}):
                    return False
            raise

    # SELECT something where a database called :name exists.
    lookup: ClassVar[str]

    def explain(self, error: DBAPIError) -> str | None:
        said = str(error.orig)
        place = f"{self.url.host or 'localhost'}:{self.url.port or self.port}"
        for sign, sentence in self.signs.items():
            if sign.casefold() in said.casefold():
                return sentence.format(title=self.title, place=place, url=self, name=self.name, user=self.url.username)
        return None

    signs: ClassVar[dict[str, str]]
