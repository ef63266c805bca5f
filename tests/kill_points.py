"""Kills this process at a given point: before the change number N of a database or of a file.

Loaded in a child of the fork server whose environment has KILL_AT. A point is what may change something that
outlives the process: a statement that is more than a read, a commit, a rollback, the end of a connection, a
file that is written, renamed or removed, a program that is started or waited for. Between two points nothing
changes, so a kill before the next one is a kill after the last one as well. The last point is the end.
"""

import atexit
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import psycopg.sql
import pymysql

# ruff: noqa: PTH110

# What outlives no process. A lock is taken by a SELECT, and others see that.
READ = re.compile(
    r"\s*(SELECT(?!.*(advisory_(un)?lock\(|GET_LOCK|RELEASE_LOCK|nextval|setval))"
    r"|SHOW|EXPLAIN|DESCRIBE|SET (?!GLOBAL)|PRAGMA [^=]*$)",
    re.IGNORECASE | re.DOTALL,
)
FILES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink"}


def install(number: int) -> None:
    left, last = number, ""

    def point(what: str) -> None:
        nonlocal left, last
        if what in {"rollback", "close"} and last in {"", "rollback", "commit", "close"}:
            return  # nothing has changed since
        last = what
        if left == 0:
            sys.stdout.flush()
            os.write(2, f"\nkilled before {' '.join(what.split())[:100]}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def statement(sql: Any) -> None:
        text = sql.decode(errors="replace") if isinstance(sql, bytes) else str(sql)
        if isinstance(sql, psycopg.sql.Composable):
            text = sql.as_string()
        if not READ.match(text):
            point(text)

    def watch(event: str, arguments: tuple) -> None:
        if event in FILES:
            name = str(arguments[0])
            if os.path.lexists(name) == (event == "os.mkdir"):
                return  # it fails
        elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            name = str(arguments[0])
        else:
            return
        if "__pycache__" not in name and name != os.devnull and not name.isdigit():
            point(f"{event} {name}")

    def before(owner: Any, name: str, tell: Callable[..., None]) -> None:
        original = getattr(owner, name)

        def call(self: Any, *arguments: Any, **options: Any) -> Any:
            tell(*arguments[:1])
            return original(self, *arguments, **options)

        setattr(owner, name, call)

    class Cursor(sqlite3.Cursor):
        pass

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

    connect = sqlite3.connect

    def connecting(*arguments: Any, **options: Any) -> Any:
        return connect(*arguments, **{"factory": Connection} | options)

    sqlite3.connect = sqlite3.dbapi2.connect = connecting  # type: ignore[attr-defined]
    for owner, methods in (
        (Cursor, ("execute", "executemany", "executescript")),
        (psycopg.Cursor, ("execute", "executemany", "copy")),
        (pymysql.connections.Connection, ("query",)),
    ):
        for method in methods:
            before(owner, method, statement)
    for owner in (Connection, psycopg.Connection, pymysql.connections.Connection):
        for method in ("commit", "rollback", "close"):
            # The last one that closes a file of SQLite writes the log into it.
            what = "close of a file" if (owner, method) == (Connection, "close") else method
            before(owner, method, lambda *_, what=what: point(what))
    before(Connection, "backup", lambda *_: point("a copy of the database"))
    before(subprocess.Popen, "__init__", lambda command, *_: point(f"the start of {command}"))
    before(subprocess.Popen, "wait", lambda *_: point("the end of a program that runs"))
    sys.addaudithook(watch)
    atexit.register(point, "the end")
