"""Makes the application's session use the migration's connection while a revision runs.

A revision may use `db.session`, also through `User.query` or through a function of the application. The
session then works on the migration's connection, inside its transaction: a commit releases a savepoint, and
a rollback returns to it. Any other attempt to connect to the application's databases from inside a revision
is refused, also by a driver of its own. This also applies when a revision runs on a shadow database or is
printed as SQL; then it may neither name these databases in SQL nor start other programs.
"""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, cached_property, wraps
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
from .guard import Watch, find_named_database

ALEMBIC = str(Path(alembic.__file__).parent) + os.sep
ORM = str(Path(sqlalchemy.orm.__file__).parent) + os.sep
OURS = str(Path(backends.__file__).parent) + os.sep  # locks and similar parts have their own connections

SAVEPOINT = re.compile(r"(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) (\S+)")
READS = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*"
    r"(SELECT|SHOW|PRAGMA|EXPLAIN|VALUES|WITH\b(?!.*\b(INSERT|UPDATE|DELETE|MERGE)\b))\b",
    re.IGNORECASE | re.DOTALL,
)
ACCEPTED = re.compile(r"#\s*safe:\s*.*\w", re.IGNORECASE)
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
        current = settings.active()
        self.db: Any = current.db
        self.registry: Any = getattr(getattr(self.db, "session", None), "registry", None)
        # Flask-SQLAlchemy needs the application context, and the settings too: another thread has neither.
        self.engines: dict[str | None, Engine] = dict(self.db.engines)
        self.urls = [(engine.url, bind) for bind, engine in self.engines.items()]
        if current.migration_url:
            self.urls.append((current.migration_url, None))
        # Those that the revision has started.
        self.threads: set[threading.Thread] = set()
        self.is_done = False
        self.watch = Watch(self.refuse_driver, self.refuse_program, self.add_thread)
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
        """The binds by their addresses."""
        found = ((find_address(url), bind) for url, bind in self.urls)
        return {address: bind for address, bind in found if address}

    @cached_property
    def addresses(self) -> set[Address]:
        """Their addresses, also with what a driver adds: defaults and variables of the environment."""
        return {address for url, _ in self.urls for address in _list_addresses(url)}

    @cached_property
    def own_address(self) -> Address | None:
        return find_address(self.connection.engine.url) if self.connection is not None else None

    @cached_property
    def is_proof(self) -> bool:
        """Whether it runs on another database than one of the application's: a shadow database, or none."""
        pool = self.connection.engine.pool if self.connection is not None else None
        return self.own_address not in self.targets and not any(
            pool is known.pool for known in self.engines.values()
        )

    def find_location(self, *, through_ours: bool = False) -> str | None:
        """Return the file and line of the revision, or None if this library made the request.

        :param through_ours: an operation of the revision goes through this library's backends.
        """
        name = self.path.name
        for frame in [] if self.is_done else _list_frames(sys._getframe(1)):
            file = frame.f_code.co_filename
            if file.endswith(name) and Path(file).resolve() == self.path.resolve():
                return f"{name}:{frame.f_lineno}"
            if file.startswith(OURS) and not through_ours:
                return None
            if frame.f_code is _Running.run.__code__ and frame.f_locals.get("self") is self:
                return name
        return name if threading.current_thread() in self.threads else None

    def find_bind(self, engine: Engine) -> tuple[bool, str | None]:
        """Return whether the engine connects to a database of the application, and to which bind."""
        if self.connection is not None and engine.pool is self.connection.engine.pool:
            return True, self.bind
        for bind, known in self.engines.items():
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

    def refuse_driver(self, address: Address) -> None:
        """Raise MigrationError for a driver that would connect to a database of the application."""
        if address in self.addresses and (location := self.find_location()):
            raise MigrationError(
                f"{location}: this opens a connection of its own to a database of the application's, outside "
                f"the migration's transaction and lock: {INSTEAD}."
            )

    def refuse_program(self, name: str) -> None:
        """Raise MigrationError for a program that a proof would start: nobody knows what it reaches."""
        if self.is_proof and (location := self.find_location()) and not self._is_accepted(location):
            raise MigrationError(
                f"{location}: this starts {name}, which might reach the application's database while the "
                "revision runs on another one: use op.execute(), or say on the line above why it does not: "
                "# safe: it only reads a version."
            )

    def refuse_named_database(self, statement: str, parameters: Any) -> None:
        """Raise MigrationError for SQL that would reach a database of the application from a proof."""
        named = find_named_database(statement, parameters, self.own_address, self.addresses)
        if named and (location := self.find_location(through_ours=True)) and not self._is_accepted(location):
            raise MigrationError(
                f"{location}: this statement names {named}, a database of the application's, while the "
                "revision runs on another one: leave the name out, or say on the line above why it changes "
                "nothing there: # safe: it only reads."
            )

    def add_thread(self, thread: threading.Thread) -> None:
        if self.find_location():
            self.threads.add(thread)

    def _is_accepted(self, location: str) -> bool:
        """Whether the line, or the one above, says why it is safe."""
        line = location.partition(":")[2]
        lines = self.path.read_text(encoding="utf-8").splitlines()
        near = lines[max(int(line) - 2, 0) : int(line)] if line else []
        return any(ACCEPTED.search(each) for each in near)

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
        """Refuse a statement that reaches a database of the application from a proof.

        Track the savepoints: rolling one back may undo more than the session's own changes.
        """
        if match := SAVEPOINT.fullmatch(statement):
            return self._savepoint(cursor, statement, *match.groups()), parameters
        if self.undone and not self.is_ending:
            raise MigrationError(self.undone)
        if self.is_proof:
            self.refuse_named_database(statement, parameters)
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
    running.watch.start({str(address[0]) for address in running.addresses})
    try:
        yield
    finally:
        running.is_done = True
        with _patching:
            for each in [*_running]:
                # A thread that still runs is refused what it was refused before.
                if each.is_done and not any(thread.is_alive() for thread in each.threads):
                    _running.remove(each)
                    each.watch.stop()
            if not _running:
                _install(*_originals)


@cache
def _list_addresses(url: Any) -> set[Address]:
    """Return the address of a database as the URL has it, and as its driver gets it."""
    arguments = url.get_dialect()().create_connect_args(url)[1]
    found = (find_address(url), find_address(url, arguments=arguments))
    return {address for address in found if address}


def _list_frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame:
        yield frame
        frame = frame.f_back


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
