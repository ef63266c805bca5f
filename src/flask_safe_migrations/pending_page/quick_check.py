"""Recognize that nothing has changed since the last complete check, without Alembic.

This runs for every request: a look at the folders of the revisions, and one SELECT per database.
"""

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Select, String, column, select, table
from sqlalchemy.exc import SQLAlchemyError

from .. import memory
from ..readiness import JOURNAL, compute_signature
from ..settings import Settings
from .state import DatabaseState

FILE = "up_to_date.json"
Stamp = tuple[int, ...]
SETTLED = 2_000_000_000  # nanoseconds: FAT has steps of two seconds


@dataclass(frozen=True)
class Expected:
    """What the version table of a database holds when nothing is wrong."""

    query: Select[Any]
    heads: frozenset[str]


@dataclass(frozen=True)
class Known:
    """Files and databases that need no page."""

    folders: tuple[Path, ...]
    stamp: Stamp
    databases: Mapping[str | None, Expected]


class QuickCheck:
    """Remembers the last state in which nothing was wrong, and recognizes it."""

    def __init__(self, settings: Settings, engines: Mapping[str | None, Engine]) -> None:
        self.settings = settings
        self.engines = engines
        self.known: Known | None = None
        # By bind: the files of a SQLite database when its version was read last.
        self.files: dict[str | None, Stamp] = {}

    def passes(self) -> bool:
        """Return whether files and databases are as they were when nothing was wrong."""
        known = self.known
        if known is None or known.stamp != self.read_stamp(known.folders):
            return False
        try:
            return all(self._is_at(bind, expected) for bind, expected in known.databases.items())
        except (SQLAlchemyError, OSError):  # no table, no database, no server
            return False

    def _is_at(self, bind: str | None, expected: Expected) -> bool:
        engine = self.engines[bind]
        files = _read_files(engine)
        if files and files == self.files.get(bind):
            return True
        if _read(engine, expected.query) != expected.heads:
            return False
        self.files[bind] = files
        return True

    def read_stamp(self, folders: Iterable[Path]) -> Stamp:
        """Return the times of migrations/HEAD and of the folders, which change with their list of files."""
        times = []
        for path in (self.settings.directory / "HEAD", *folders):
            with suppress(OSError):
                times.append(os.stat(path).st_mtime_ns)  # noqa: PTH116 - in half the time of Path.stat()
        return tuple(times)

    def read_signature(self, folders: Iterable[Path]) -> str:
        """Return a digest of all files of the migrations, for the next start."""
        return compute_signature(self.settings, [str(folder) for folder in folders])

    def learn(
        self, folders: tuple[Path, ...], stamp: Stamp, signature: str, databases: Iterable[DatabaseState]
    ) -> None:
        """Remember a state in which nothing is wrong; `stamp` and `signature` were read before it."""
        found = [[each.bind, each.version_table, each.schema, sorted(each.heads)] for each in databases]
        self._set(folders, stamp, found)
        content = {"signature": signature, "folders": [str(folder) for folder in folders], "databases": found}
        memory.store(self.settings, FILE, content)

    def learn_from_last_start(self) -> bool:
        """Return whether nothing has changed since a server last found that nothing was wrong."""
        stored = memory.load(self.settings, FILE)
        folders = tuple(Path(folder) for folder in stored.get("folders", ()))
        stamp = self.read_stamp(folders)
        if stored.get("signature") != self.read_signature(folders):
            return False
        if {bind for bind, *_rest in stored["databases"]} != self.engines.keys():
            return False
        self._set(folders, stamp, stored["databases"])
        if not self.passes():
            self.known = None
        return self.known is not None

    def _set(self, folders: tuple[Path, ...], stamp: Stamp, databases: Iterable[Any]) -> None:
        expected = {
            bind: Expected(_query(name, schema), frozenset(heads)) for bind, name, schema, heads in databases
        }
        self.known = Known(folders, stamp, expected)
        self.files.clear()


def _query(name: str, schema: str | None) -> Select[Any]:
    versions = table(name, column("version_num", String), schema=schema)
    return select(versions.c.version_num)


def _read(engine: Engine, query: Select[Any]) -> frozenset[str]:
    if _is_missing_file(engine):  # connecting would create it
        return frozenset()
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # without BEGIN and ROLLBACK it is one round trip
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        found = frozenset(connection.scalars(query))
        if engine.dialect.name in {"mysql", "mariadb"}:
            found |= set(connection.exec_driver_sql(f"SHOW TABLES LIKE '{JOURNAL}'").scalars())
        return found


def is_in_memory(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite" and engine.url.database in {None, "", ":memory:"}


def _is_missing_file(engine: Engine) -> bool:
    return _is_file(engine) and not os.path.exists(engine.url.database or "")  # noqa: PTH110 - as above


def _is_file(engine: Engine) -> bool:
    name = engine.url.database or ""
    return engine.dialect.name == "sqlite" and not name.startswith("file:") and not is_in_memory(engine)


def _read_files(engine: Engine) -> Stamp:
    """Return size and time of the files of a SQLite database: what any commit changes.

    Empty for other databases, and if a file has changed a moment ago: the clock of a file system has steps,
    and another commit in the same step would not be noticed.
    """
    if not _is_file(engine):
        return ()
    name, found = str(engine.url.database), []
    for path in (name, f"{name}-wal"):
        with suppress(FileNotFoundError):
            stat = os.stat(path)  # noqa: PTH116 - as above
            if stat.st_size:
                found += [stat.st_ino, stat.st_size, stat.st_mtime_ns]
    age = time.time_ns() - max(found[2::3], default=0)
    return tuple(found) if age > SETTLED else ()
