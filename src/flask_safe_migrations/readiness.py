"""Check whether the databases are at the revision that the code needs, without loading Alembic.

migrations/HEAD lists the revisions of this code, oldest first. A database is behind if it is at a listed
revision other than the last one. A database at an unlisted revision is newer than the code. That is expected
during a deployment, because the schema is migrated before the code is replaced.
"""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import Connection, Engine, String, column, func, inspect, select, table

from . import memory
from .settings import Settings

# This table lists revisions of MariaDB or MySQL that stopped half-way: see backends/mysql/journal.py.
JOURNAL = "migration_journal"
AT_HEAD = "at_head.json"


class Revision(NamedTuple):
    """One line of migrations/HEAD."""

    id: str
    message: str
    is_folded: bool = False  # by a squash; its file is gone

    def __str__(self) -> str:
        return f"{self.id} ({self.message})" if self.message else self.id


def behind() -> list[str]:
    """Return one line for each database of the current application that is behind the code.

    Use it in a health check::

        @app.get("/health/ready")
        def ready():
            return ("behind", 503) if behind() else ("ready", 200)

    The list is empty if all databases are up to date. It is also empty without migrations/HEAD, as in a plain
    Flask-Migrate project. The function needs an application context.

    Raise SQLAlchemy's ``SQLAlchemyError`` if a database does not answer.
    """
    settings = Settings.from_app(current_app)
    known = [revision.id for revision in read_manifest(settings.directory)]
    found = []
    for engine in settings.db.engines.values():
        with engine.connect() as connection:
            stored = stored_revisions(connection, settings)
        if known and known[-1] not in stored and set(stored) <= set(known):
            name = engine.url.render_as_string(hide_password=True)
            found.append(f"{name} is at {' and '.join(stored) or 'no revision'}, this code needs {known[-1]}")
    return found


def stored_revisions(connection: Connection, settings: Settings) -> list[str]:
    """Return the content of the version table. Empty if the table does not exist."""
    name, schema = settings.version_table, settings.version_table_schema
    if not inspect(connection).has_table(name, schema=schema):
        return []
    version = select(column("version_num", String)).select_from(table(name, schema=schema))
    return list(connection.scalars(version))


def half_applied(connection: Connection) -> list[str]:
    """Return the revision that stopped half-way, on MariaDB and MySQL, where DDL commits by itself."""
    if connection.dialect.name not in {"mysql", "mariadb"} or not inspect(connection).has_table(JOURNAL):
        return []
    steps = connection.scalars(select(column("step", String)).select_from(table(JOURNAL)).distinct())
    return [step.rpartition(" ")[2] for step in steps]  # "the downgrade of REV", or the revision


def read_manifest(directory: Path) -> list[Revision]:
    """Return the revisions in migrations/HEAD, oldest first, including those folded by a squash."""
    path = directory / "HEAD"
    if not path.is_file():
        return []
    found: list[Revision] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split(maxsplit=2)
        if words[:2] == ["#", "folded:"]:
            found += [Revision(name, "", True) for name in words[2].split()] if len(words) > 2 else []
        elif words and not words[0].startswith("#"):
            found.append(Revision(words[0], words[2] if len(words) > 2 else ""))
    return found


def nothing_to_do(app: Any) -> str | None:
    """Return the report of `flask db upgrade` if there is certainly nothing to do, else None.

    There is nothing to do if the only database is at the head that the last complete run found, and neither a
    file of the migrations nor the table of applied revisions has changed since then: a snapshot that was
    restored may have the same head, and not the revisions below it. The head is remembered and not read from
    migrations/HEAD, because a revision that was written by hand need not be listed there.
    """
    settings = Settings.from_app(app)
    listed = {revision.id: revision for revision in read_manifest(settings.directory)}
    if not listed or settings.binds or settings.migration_url or settings.testing:
        return None
    engine: Engine = settings.db.engines[None]
    known = memory.load(settings, AT_HEAD).get(_name(engine)) or []
    if len(known) < 4:  # there is none, or it is of an earlier release
        return None
    head, signature, applied_table, applied, *folders = known
    if head not in listed or signature != compute_signature(settings, folders):
        return None
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file():
        return None  # connecting would create the file
    with engine.connect() as connection:
        if stored_revisions(connection, settings) != [head]:
            return None
        if half_applied(connection) or read_applied(connection, applied_table) != applied:
            return None
    return f"Nothing to do: {engine.url.render_as_string(hide_password=True)} is at {listed[head]}."


def read_applied(connection: Connection, name: str) -> str:
    """Return a text that is another one after each run of a revision; see runtime/applied.py.

    :param name: the table of applied revisions.
    """
    if not inspect(connection).has_table(name):
        return ""
    newest: Any = select(func.count(), func.max(column("applied_at"))).select_from(table(name))
    return " ".join(map(str, connection.execute(newest).one()))


def remember_at_head(
    settings: Settings, head: str, applied_table: str, applied: str, folders: Iterable[Path]
) -> None:
    """Record that a complete run found the default database at head, without warnings.

    :param head: the only head of the revisions.
    :param applied_table: the table of applied revisions.
    :param applied: what `read_applied` returns.
    :param folders: the folders with revisions: versions/, or those in `version_locations`.
    """
    known = memory.load(settings, AT_HEAD)
    places = [str(folder) for folder in folders]
    signature = compute_signature(settings, places)
    known[_name(settings.db.engines[None])] = [head, signature, applied_table, applied, *places]
    memory.store(settings, AT_HEAD, known)


def _name(engine: Engine) -> str:
    return hashlib.sha256(engine.url.render_as_string(hide_password=True).encode()).hexdigest()[:16]


def compute_signature(settings: Settings, folders: list[str]) -> str:
    """Return a digest of the names, sizes and times of all migration files and other inputs of a run."""
    digest = hashlib.sha256(f"{settings.debug} {settings.refuse_changed} {settings.version_table}".encode())
    with suppress(FileNotFoundError):  # it may name other folders of revisions
        stat = (settings.project_folder / "pyproject.toml").stat()
        digest.update(f"{stat.st_size} {stat.st_mtime_ns}\n".encode())
    pending = [str(settings.directory), *folders]
    for folder in pending:  # subfolders are appended during the loop
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_file():
                    stat = entry.stat()
                    digest.update(f"{entry.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
                elif folder in folders and entry.name != "__pycache__":
                    pending.append(entry.path)
    return digest.hexdigest()
