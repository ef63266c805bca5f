"""Makes the application's session use the migration's connection while a revision runs.

A revision may use `db.session`, also through `User.query` or through a function of the application. The
session then works on the migration's connection, inside its transaction: a commit releases a savepoint, and
a rollback returns to it. Any other attempt to connect to the application's databases through SQLAlchemy
from inside a revision is refused. This also applies when a revision runs on a shadow database or is printed
as SQL.
"""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property, wraps
from pathlib import Path
from types import FrameType
from typing import Any

import alembic
import sqlalchemy.orm
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session, SessionTransaction

from .. import backends, settings
from ..errors import MigrationError
from ..urls import Address, find_address

ALEMBIC = str(Path(alembic.__file__).parent) + os.sep
ORM = str(Path(sqlalchemy.orm.__file__).parent) + os.sep
OURS = str(Path(backends.__file__).parent) + os.sep  # locks and similar parts have their own connections

SAVEPOINT = re.compile(r"(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) (\S+)")
READS = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*"
    r"(SELECT|SHOW|PRAGMA|EXPLAIN|VALUES|WITH\b(?!.*\b(INSERT|UPDATE|DELETE|MERGE)\b))\b",
    re.IGNORECASE | re.DOTALL,
)
NO_SAVEPOINT = 1305  # MariaDB's: https://mariadb.com/kb/en/mariadb-error-code-reference/
INSTEAD = "use op.get_bind(), or Session(bind=op.get_bind())"

_running: list["_Running"] = []
_originals: list[Any] = []
_patching = threading.Lock()


def use_migration_connection(
    function: Callable[..., None], migration: MigrationContext, bind: str | None, path: Path
) -> Callable[..., None]:
    """Wrap upgrade() or downgrade() of the revision in `path`, which will run on the database `bind`."""

    @wraps(function)  # other code reads its name and source
    def run(**options: Any) -> None:
        connection = None if migration.as_sql else migration.connection
        _Running(connection, bind, path).run(function, **options)

    return run


class _Savepoint:
    """A savepoint at which a session of the application began.

    `writers` records who has written since: the session, an operation, or op.get_bind().
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.writers: set[str] = set()


class _Running:
    """The function of a revision that is currently running."""

    def __init__(self, connection: Connection | None, bind: str | None, path: Path) -> None:
        self.connection = connection  # None if SQL is only printed
        self.bind = bind
        self.path = path
        self.thread = threading.get_ident()
        self.db: Any = settings.active().db
        self.registry: Any = getattr(getattr(self.db, "session", None), "registry", None)
        # The application's sessions that use our connection, with the state to restore in each.
        self.sessions: dict[Session, dict[str, Any]] = {}
        self.savepoints: list[_Savepoint] = []
        self.is_joining = False
        self.is_ending = False
        # The error message if the session's rollback undid more than its author expects.
        self.undone: str | None = None

    def run(self, function: Callable[..., None], **options: Any) -> None:
        with ExitStack() as stack:
            stack.enter_context(self._empty_scope())
            stack.enter_context(_watching(self))
            if self.connection is not None:
                # This listener must come first: others replace statements, or run them themselves.
                listener = (self.connection, "before_cursor_execute", self.before_execute)
                event.listen(*listener, retval=True, insert=True)
                stack.callback(event.remove, *listener)
            stack.callback(self._close)
            function(**options)
            self._refuse_unfinished()

    @contextmanager
    def _empty_scope(self) -> Iterator[None]:
        """Start with a new `db.session`, and restore the caller's session afterwards."""
        registry = self.registry
        if registry is None:
            yield
            return
        before = registry() if registry.has() else None
        registry.clear()
        try:
            yield
        finally:
            registry.clear()
            if before is not None:
                registry.set(before)

    def _refuse_unfinished(self) -> None:
        if self.undone:
            raise MigrationError(self.undone)
        used = {*self.sessions, *([self.registry()] if self.registry and self.registry.has() else [])}
        if any("session" in savepoint.writers for savepoint in self.savepoints) or any(
            session.new or session.dirty or session.deleted for session in used
        ):
            raise MigrationError(
                f"{self.path.name}: db.session holds changes that were not committed and would be lost: "
                "end with db.session.commit(); it stays inside the migration's transaction."
            )
        self.is_ending = True

    def _close(self) -> None:
        for session, options in self.sessions.items():
            with suppress(Exception):  # if the revision failed, report that error instead
                session.close()
            vars(session).update(options)

    @cached_property
    def targets(self) -> dict[Address | None, str | None]:
        """The binds by their addresses. Few revisions need them."""
        targets = {find_address(engine.url): bind for bind, engine in self.db.engines.items()}
        if url := settings.active().migration_url:
            targets[find_address(url)] = None
        targets.pop(None, None)
        return targets

    def find_location(self) -> str | None:
        """Return the file and line of the revision, or None if this library made the request."""
        frame: FrameType | None = sys._getframe(1)
        name = self.path.name
        while frame:
            file = frame.f_code.co_filename
            if file.endswith(name) and Path(file).resolve() == self.path.resolve():
                return f"{name}:{frame.f_lineno}"
            if file.startswith(OURS):
                return None
            if frame.f_code is _Running.run.__code__ and frame.f_locals.get("self") is self:
                return name
            frame = frame.f_back
        return None

    def find_bind(self, engine: Engine) -> tuple[bool, str | None]:
        """Return whether the engine connects to a database of the application, and to which bind."""
        if self.connection is not None and engine.pool is self.connection.engine.pool:
            return True, self.bind
        for bind, known in self.db.engines.items():
            if engine.pool is known.pool:
                return True, bind
        target = find_address(engine.url)
        return target in self.targets, self.targets.get(target)

    def refuse_to_connect(self, engine: Engine) -> None:
        """Raise MigrationError for an engine that would connect from inside the revision."""
        if (location := self.find_location()) and self.find_bind(engine)[0]:
            raise MigrationError(
                f"{location}: this opens a connection of its own to a database of the application's, outside "
                f"the migration's transaction and lock: {INSTEAD}."
            )

    def connection_for(self, session: Session, engine: Engine) -> Connection | None:
        """Return the connection that the session must use, or None if the engine is not the application's."""
        if not (location := self.find_location()):
            return None
        is_known, bind = self.find_bind(engine)
        if not is_known:
            return None
        if self.connection is None:
            raise MigrationError(
                f"{location}: db.session needs a connection, and SQL is only printed here: use op.execute(), "
                "or leave it out where op.get_context().as_sql is true."
            )
        if bind != self.bind:
            raise MigrationError(
                f"{location}: db.session asks for the database {bind or 'default'}, and the revision runs on "
                f"{self.bind or 'default'}: {INSTEAD}, in the function for the database in question."
            )
        if threading.get_ident() != self.thread:
            raise MigrationError(
                f"{location}: db.session is used in another thread than the migration: "
                "use it in the revision's."
            )
        if self.connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            raise MigrationError(
                f"{location}: inside autocommit_block() there is no transaction for db.session: "
                "use op.get_bind() there, or db.session before it."
            )
        if session not in self.sessions:
            names = ("join_transaction_mode", "twophase")
            self.sessions[session] = {name: getattr(session, name) for name in names}
            session.join_transaction_mode = "create_savepoint"
            session.twophase = False
        if not self.connection.in_transaction():
            self.connection.begin()
        return self.connection

    def before_execute(
        self, _connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> tuple[str, Any]:
        """Track the savepoints: rolling one back may undo more than the session's own changes."""
        if match := SAVEPOINT.fullmatch(statement):
            return self._savepoint(cursor, statement, *match.groups()), parameters
        if self.undone and not self.is_ending:
            raise MigrationError(self.undone)
        if self.savepoints and not READS.match(statement):
            writer = self._writer()
            for savepoint in self.savepoints:
                savepoint.writers.add(writer)
        return statement, parameters

    def _savepoint(self, cursor: Any, statement: str, verb: str, name: str) -> str:
        """Return the statement to run instead."""
        if verb == "SAVEPOINT":
            if self.is_joining:
                self.savepoints.append(_Savepoint(name))
            return statement
        found = next((savepoint for savepoint in self.savepoints if savepoint.name == name), None)
        if found:
            self.savepoints.remove(found)
        if verb == "ROLLBACK TO SAVEPOINT":
            if not found:  # it belongs to the revision itself or to a begin_nested()
                return statement
            if found.writers == {"session"}:
                return self._run_if_savepoint_exists(cursor, statement, is_written=True)
            if not self.is_ending and found.writers - {"op"}:
                self.undone = (
                    f"{self.find_location()}: db.session was rolled back, and with it what op.get_bind() or "
                    "an operation did since the session was first used: "
                    "call db.session.commit() before those."
                )
                return self._run_if_savepoint_exists(cursor, statement)
            # The session has only read. It must not undo what an operation did.
        return self._run_if_savepoint_exists(cursor, f"RELEASE SAVEPOINT {name}")

    def _run_if_savepoint_exists(self, cursor: Any, statement: str, *, is_written: bool = False) -> str:
        """Run the statement on an engine where DDL may have removed the savepoint.

        Return the statement that is left to run.
        """
        if self.connection is None or self.connection.dialect.name not in {"mysql", "mariadb"}:
            return statement
        try:
            cursor.execute(statement)
        except Exception as error:  # noqa: BLE001 - of the driver, whichever it is
            if error.args[:1] != (NO_SAVEPOINT,):
                return statement  # SQLAlchemy runs it and gets the same error
            if is_written:
                self.undone = (
                    f"{self.find_location()}: db.session was rolled back, but a DDL statement had committed "
                    "what it did: call db.session.commit() before the operation that changes a table."
                )
        return "DO 0"

    def _writer(self) -> str:
        frame: FrameType | None = sys._getframe(2)
        while frame and frame.f_code is not _Running.run.__code__:
            if frame.f_code.co_filename.startswith(ORM):
                return "session"
            if frame.f_code.co_filename.startswith(ALEMBIC):
                return "op"
            frame = frame.f_back
        return "bind"


@contextmanager
def _watching(running: _Running) -> Iterator[None]:
    """Intercept each of SQLAlchemy's ways to connect, and remove the patches at the end.

    SQLAlchemy has no event that runs before a session takes its connection and that can replace it.
    """
    with _patching:
        if not _running:
            _originals[:] = Engine.raw_connection, SessionTransaction._connection_for_bind
            _install(_raw_connection, _connection_for_bind)
        _running.append(running)
    try:
        yield
    finally:
        with _patching:
            _running.remove(running)
            if not _running:
                _install(*_originals)


def _install(raw_connection: Any, connection_for_bind: Any) -> None:
    Engine.raw_connection = raw_connection  # type: ignore[method-assign]
    SessionTransaction._connection_for_bind = connection_for_bind  # type: ignore[method-assign]


def _raw_connection(engine: Engine) -> Any:
    original = _originals[0]
    for running in [*_running]:
        running.refuse_to_connect(engine)
    return original(engine)


def _connection_for_bind(transaction: SessionTransaction, bind: Any, execution_options: Any) -> Connection:
    original = _originals[1]
    for running in [*_running]:
        if isinstance(bind, Engine) and (found := running.connection_for(transaction.session, bind)):
            bind = found
        if bind is running.connection and transaction.session in running.sessions:
            running.is_joining = transaction._parent is None
            try:
                return original(transaction, bind, execution_options)  # type: ignore[no-any-return]
            finally:
                running.is_joining = False
    return original(transaction, bind, execution_options)  # type: ignore[no-any-return]
