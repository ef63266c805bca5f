"""The pages of one database as a WSGI application."""

import threading
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, MetaData, String, Table
from sqlalchemy.exc import DBAPIError

from ...backends.base import Database
from ...runtime import binds
from ...runtime.errors import one_sentence
from .tables import shown, state


class Viewer:
    """The pages are made anew when revisions have been applied."""

    def __init__(self, database: Database, *, write: bool) -> None:
        self.database, self.write = database, write
        self.pool = database.create_engine() if write else database.create_read_only_engine()
        self.schemas = {None, *(table.schema for table in binds.metadata(database.bind).tables.values())}
        version = Column("version_num", String)
        self.versions = Table(
            database.version_table, MetaData(), version, schema=database.version_table_schema
        )
        self.lock = threading.Lock()
        self.state: tuple[Any, ...] = ()
        with one_sentence(database):
            self.refresh()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            if not environ["PATH_INFO"].startswith("/static/"):
                self.refresh()
        except DBAPIError as error:
            start_response("503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"{self.database.explain_error(error) or error.orig}\n".encode()]
        return self.pages(environ, start_response)

    def refresh(self) -> None:
        from .pages import pages  # needs Flask-Admin

        with self.lock:
            now = state(self.pool, self.versions)
            if now != self.state:
                tables = shown(self.pool, self.schemas)
                names = {table.table.fullname for table in tables} - self.database.internal_tables
                title = f"{self.database.title} {self.database.short_name}"
                self.pages = pages(title, self.pool, tables, names if self.write else set())
                self.state = now
