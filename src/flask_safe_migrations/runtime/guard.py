"""Notices what a revision does past SQLAlchemy's engines.

That is: connections of a driver, other programs and threads, and SQL that names another database. It only
reports them; application_session.py decides what is refused. Not noticed are drivers that are not supported,
a cursor of the driver on the revision's own connection, and names that a server assembles itself.
"""

import os
import re
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import URL

from ..backends.escaping import unquote_literal
from ..urls import Address, find_address

# https://docs.python.org/3/library/audit_events.html
PROGRAMS = frozenset({"os.exec", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"})
# These ask the machine for its name and address.
HARMLESS_CALLERS = frozenset({"ctypes.util", "platform", "uuid"})

COMMENT_OR_TEXT = re.compile(r"--[^\n]*|/\*(?!!).*?\*/|'(?:[^'\\]|''|\\.)*'", re.DOTALL)
COMMENT_AT_START = re.compile(r"^(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)+", re.DOTALL)
ATTACH = re.compile(r"\s*ATTACH\b(?:\s+DATABASE\b)?(.*)\bAS\b", re.IGNORECASE | re.DOTALL)
LITERAL = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
REMOTE = re.compile(
    r"\bdblink\w*\s*\(|\b(?:CREATE|ALTER)\s+(?:SERVER|SUBSCRIPTION)\b|\bPROGRAM\s*'", re.IGNORECASE
)
BEFORE_TABLE = r"\b(?:FROM|JOIN|UPDATE|INTO|TABLE|REFERENCES|EXISTS|VIEW|TRUNCATE|LIKE|TO)"

_watches: list["Watch"] = []
_patching = threading.RLock()
_audits = False


class Watch:
    """Calls functions before what they may refuse, in every thread; what they raise stops it.

    :param on_connect: called with the address of a database that a driver is about to connect to.
    :param on_program: called with the name of a program that is about to be started.
    :param on_thread: called with a thread that is about to be started.
    """

    def __init__(
        self,
        on_connect: Callable[[Address], None],
        on_program: Callable[[str], None],
        on_thread: Callable[[threading.Thread], None],
    ) -> None:
        self.on_connect, self.on_program, self.on_thread = on_connect, on_program, on_thread

    def start(self, backends: Collection[str]) -> None:
        """Begin; `backends` are the engines whose drivers have to be watched."""
        global _audits  # an audit hook cannot be removed: there is one for the process
        with _patching:
            _watches.append(self)
            if not _audits:
                sys.addaudithook(_audit)
                _audits = True
            for backend in {"", *backends}:
                _patch(backend)

    def stop(self) -> None:
        with _patching:
            _watches.remove(self)
            if not _watches:
                _restore()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Called for each audit event of Python."""
    if not _watches:
        return
    if event == "sqlite3.connect":
        _connecting(_sqlite_address(arguments[0]))
    elif event in PROGRAMS and not _is_harmless_call():
        # os.spawn has a mode first, and subprocess.Popen need not have an executable.
        name = _program(next(each for each in arguments if each and not isinstance(each, int)))
        for watch in [*_watches]:
            watch.on_program(name)


def _connecting(address: Address | None) -> None:
    for watch in [*_watches] if address else []:
        watch.on_connect(address)  # type: ignore[arg-type]


def _sqlite_address(database: Any) -> Address | None:
    text = database.decode() if isinstance(database, bytes) else str(database)
    if text.startswith("file:"):  # https://sqlite.org/uri.html
        if "mode=memory" in text:
            return None
        text = unquote(text.removeprefix("file:").removeprefix("//localhost").partition("?")[0])
    return find_address(URL.create("sqlite", database=text))


def _program(given: Any) -> str:
    """Return the name of a program, from its path, a line for a shell, or the list of its arguments."""
    words = [given] if isinstance(given, str | bytes | os.PathLike) else list(given)
    first = os.fsdecode(words[0])
    return Path((first.split() or [first])[0]).name


def _is_harmless_call() -> bool:
    frame: Any = sys._getframe(2)
    while frame and frame.f_globals.get("__name__") in {__name__, "os", "subprocess"}:
        frame = frame.f_back
    return bool(frame) and frame.f_globals.get("__name__") in HARMLESS_CALLERS


# The drivers, and the start of a thread


_replaced: dict[tuple[Any, str], Any] = {}


def _patch(backend: str) -> None:
    """Replace what all ways to connect go through, whatever name an application has imported before."""
    if not backend:
        _replace(threading.Thread, "start", _start_thread)
    elif backend == "postgresql":
        _replace(_load("psycopg.generators"), "connect", _connect_by_conninfo)
        _replace(_load("psycopg2"), "_connect", _connect_by_conninfo)
    elif backend in {"mysql", "mariadb"}:
        _replace(getattr(_load("pymysql.connections"), "Connection", None), "connect", _connect_pymysql)
        _replace(getattr(_load("MySQLdb.connections"), "Connection", None), "__init__", _connect_mysqlclient)


@cache
def _load(name: str) -> Any:
    """Return a module of an installed driver, which a revision may import later, or None."""
    with suppress(ImportError):
        return import_module(name)
    return None


def _replace(owner: Any, name: str, before: Callable[..., None]) -> None:
    if owner is None or (owner, name) in _replaced:
        return
    original = _replaced[owner, name] = getattr(owner, name)

    def replacement(*arguments: Any, **options: Any) -> Any:
        before(*arguments, **options)
        return original(*arguments, **options)

    setattr(owner, name, replacement)


def _restore() -> None:
    for (owner, name), original in _replaced.items():
        setattr(owner, name, original)
    _replaced.clear()


def _start_thread(thread: threading.Thread) -> None:
    for watch in [*_watches]:
        watch.on_thread(thread)


def _connect_by_conninfo(conninfo: str, *_: Any, **__: Any) -> None:
    if psycopg := _load("psycopg.conninfo"):
        given = psycopg.conninfo_to_dict(conninfo)
    else:
        given = _load("psycopg2.extensions").parse_dsn(conninfo)
    name = str(given.get("dbname") or given.get("user") or "")
    _connecting(find_address(URL.create("postgresql+psycopg", database=name), arguments=given))


def _connect_pymysql(connection: Any, *_: Any, **__: Any) -> None:
    name = connection.db.decode() if isinstance(connection.db, bytes) else connection.db
    given = {name: getattr(connection, name, None) for name in ("unix_socket", "host", "port")}
    _connecting(find_address(URL.create("mysql+pymysql", database=name), arguments=given))


def _connect_mysqlclient(_connection: Any, *arguments: Any, **options: Any) -> None:
    given = dict(
        zip(("host", "user", "password", "database", "port", "unix_socket"), arguments, strict=False)
    )
    given |= options
    name = given.get("database") or given.get("db")
    _connecting(find_address(URL.create("mysql+mysqldb", database=name), arguments=given))


# SQL


def find_named_database(
    sql: str, parameters: Any, own: Address | None, others: Collection[Address]
) -> str | None:
    """Return the name of one of the databases `others` that a statement reaches, or None.

    :param own: the address of the database on which the statement runs; None for one in memory.
    """
    backend = own[0] if own else "sqlite"
    names = {
        str(other[-1]) for other in others if other[0] == backend and (backend == "sqlite" or other != own)
    }
    if not names:
        return None
    if backend == "sqlite":
        return _find_attached(sql, parameters, names)
    if backend == "postgresql":
        text = " ".join([sql, *_texts(parameters)]) if REMOTE.search(sql) else ""
        return next((name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)), None)
    same_server = {str(other[-1]) for other in others if own and other[:-1] == own[:-1]}
    folded = sql.casefold()
    candidates = [name for name in names & same_server if name.casefold() in folded]
    if not candidates:
        return None
    code = COMMENT_OR_TEXT.sub(" ", sql)
    return next((name for name in candidates if _is_reference(code, name)), None)


def _find_attached(sql: str, parameters: Any, paths: Collection[str]) -> str | None:
    if not (match := ATTACH.match(COMMENT_AT_START.sub("", sql))):
        return None
    given = [*_texts(parameters), *map(_unquote, LITERAL.findall(match[1]))]
    found = [address for text in given if (address := _sqlite_address(text))]
    return next((str(path) for _, path in found if path in paths), None)


def _unquote(literal: str) -> str:
    return unquote_literal(literal) if literal.startswith("'") else literal[1:-1].replace('""', '"')


def _texts(parameters: Any) -> Iterator[str]:
    """Yield the texts in the parameters of the driver."""
    if isinstance(parameters, str):
        yield parameters
    elif isinstance(parameters, Mapping):
        yield from _texts(list(parameters.values()))
    elif isinstance(parameters, list | tuple):
        for each in parameters:
            yield from _texts(each)


def _is_reference(code: str, name: str) -> bool:
    """Whether SQL of MariaDB names a database: `USE shop`, or shop.users.

    If the word also occurs without a dot, it is a table or an alias, and shop.id may be its column.
    """
    quoted = rf"(?<![\w.`\"])[`\"]?{re.escape(name)}[`\"]?(?!\w)"
    if re.search(rf"\b(?:USE|DATABASE|SCHEMA)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?{quoted}", code, re.IGNORECASE):
        return True
    before = rf"{BEFORE_TABLE}\s+" if re.search(rf"{quoted}(?!\s*\.)", code, re.IGNORECASE) else ""
    return bool(re.search(rf"{before}{quoted}\s*\.", code, re.IGNORECASE))
