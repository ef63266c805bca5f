"""Serves the pages on 127.0.0.1 until Ctrl-C."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SO_REUSEADDR, SOL_SOCKET, socket

from werkzeug.serving import make_server

from ... import output
from ...backends.base import Database
from ...errors import MigrationError
from .front import front
from .viewer import Viewer

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
                f"choose another, `flask db browse --port {port % 60000 + 1}`."
            ) from error
        listener.listen()
        yield listener


def serve(listener: socket, databases: list[Database], *, write: bool) -> None:
    """Serve on a socket that listens, until Ctrl-C."""
    application = front([Viewer(database, write=write) for database in databases])
    port = listener.getsockname()[1]
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with make_server(HOST, port, application, threaded=True, fd=listener.fileno()) as server:
        what, how = ", ".join(map(str, databases)), "can be changed" if write else "read only"
        output.line(f"http://{HOST}:{port} shows {what} ({how}); Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            server.serve_forever()
