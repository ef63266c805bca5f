"""Serves the pages of one or more databases on 127.0.0.1 until Ctrl-C."""

import logging
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from typing import Any

from flask import render_template
from sqlalchemy import Column, MetaData, String, Table
from sqlalchemy.exc import DBAPIError
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from ... import output
from ...backends.base import Database
from ...errors import MigrationError
from ...runtime import binds
from ...runtime.errors import one_sentence
from .editing import add_forms
from .pages import Pages, create_app
from .tables import read_tables, schema_state

HOST = "127.0.0.1"


@contextmanager
def listen(port: int) -> Iterator[socket]:
    """Yield a socket that listens on `port`; raises MigrationError if that is not possible."""
    with socket() as listener:
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise MigrationError(
                f"Port {port} is not available ({getattr(error, 'strerror', None) or error}): "
                f"choose another one, `flask db browse --port {port % 60000 + 1}`."
            ) from error
        listener.listen()
        yield listener


def serve(listener: socket, databases: list[Database], *, write: bool) -> None:
    """Serve the pages on a listening socket until Ctrl-C; with `write`, rows can be changed."""
    application = create_application([DatabasePages(database, write=write) for database in databases])
    port = listener.getsockname()[1]
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with make_server(HOST, port, application, threaded=True, fd=listener.fileno()) as server:
        names, mode = ", ".join(map(str, databases)), "writable" if write else "read only"
        output.line(f"http://{HOST}:{port} shows {names} ({mode}); stop it with Ctrl-C.")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


class DatabasePages:
    """A WSGI application with the pages of one database; it is rebuilt after revisions were applied."""

    def __init__(self, database: Database, *, write: bool) -> None:
        self.database, self.write = database, write
        limits = database.statement_limits()
        self.engine = database.create_engine(limits) if write else database.create_read_only_engine()
        self.schemas = {None, *(table.schema for table in binds.metadata(database.bind).tables.values())}
        version = Column("version_num", String)
        self.versions = Table(
            database.version_table, MetaData(), version, schema=database.version_table_schema
        )
        self.lock = threading.Lock()
        self.token = secrets.token_urlsafe()  # a form may be sent after a migration
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
        return self.app(environ, start_response)

    def refresh(self) -> None:
        with self.lock:
            state = schema_state(self.engine, self.versions)
            if state != self.state:
                tables = read_tables(self.engine, self.schemas, self.database.internal_tables)
                pages = Pages(self.database, self.engine, tables, write=self.write)
                if self.write:
                    add_forms(pages, self.token)
                self.app, self.state = pages.app, state


def create_application(databases: list[DatabasePages]) -> Callable[..., Iterable[bytes]]:
    """Return the pages of a single database at /, or those of several at /NAME with a list at /."""
    if len(databases) == 1:
        return databases[0]
    applications: dict[str, Any] = {
        "/" + re.sub(r"\W", "_", binds.label(pages.database)): pages for pages in databases
    }
    app = create_app("Databases")

    @app.get("/")
    def index() -> str:
        listed = [(path, binds.label(pages.database), pages.database) for path, pages in applications.items()]
        return render_template("databases.html", databases=listed)

    return DispatcherMiddleware(app, applications)
