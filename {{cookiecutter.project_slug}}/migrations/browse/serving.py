"""Serves the pages on 127.0.0.1 until Ctrl-C."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from werkzeug.serving import make_server

from ..engines.base import Database
from ..engines.errors import MigrationError
from .tables import shown, state

HOST = "127.0.0.1"


@contextmanager
def listening(port: int) -> Iterator[socket]:
    """Yield a socket that listens on `port`; raises MigrationError where somebody else does."""
    with socket() as listener:
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise MigrationError(
                f"Port {port} cannot be had ({getattr(error, 'strerror', None) or error}): "
                f'choose another, `make browse args="--port {port % 60000 + 1}"`.'
            ) from error
        listener.listen()
        yield listener


def serve(listener: socket, database: Database, schemas: set[str | None], *, write: bool) -> None:
    pool = database.pool() if write else database.reading()
    viewer = Viewer(database, pool, schemas, write=write)
    port = listener.getsockname()[1]
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    viewer.refresh()
    with make_server(HOST, port, viewer, threaded=True, fd=listener.fileno()) as server:
        how = "can be changed" if write else "read only"
        click.echo(f"http://{HOST}:{port} shows {database} ({how}); Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


class Viewer:
    """The pages as a WSGI application; they are made anew when revisions have been applied."""

    def __init__(self, database: Database, pool: Engine, schemas: set[str | None], *, write: bool) -> None:
        self.database, self.pool, self.schemas, self.write = database, pool, schemas, write
        self.lock = threading.Lock()
        self.state: tuple[Any, ...] = ()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            if not environ["PATH_INFO"].startswith("/static/"):
                self.refresh()
        except DBAPIError as error:
            start_response("503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"{self.database.explain(error) or error.orig}\n".encode()]
        return self.pages(environ, start_response)

    def refresh(self) -> None:
        from .pages import pages  # needs Flask-Admin

        with self.lock:
            now = state(self.pool)
            if now != self.state:
                tables = shown(self.pool, self.schemas)
                names = {table.table.fullname for table in tables} - self.database.own_tables
                title = f"{self.database.title} {self.database.short_name}"
                self.pages = pages(title, self.pool, tables, names if self.write else set())
                self.state = now
