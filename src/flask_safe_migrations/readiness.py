"""Whether the databases are as far as the code needs them. Loads neither Alembic nor Flask-Migrate.

migrations/HEAD lists the revisions that this code has, the newest last. A database at one of the others is
behind. At one that is not listed it is newer than the code, as the old code finds it in the middle of a
deployment: that is in order, for the schema goes first.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import Connection, Engine, MetaData, String, Table, column, inspect, select, table

from .settings import Settings

# A revision of MariaDB or MySQL that stopped half-way is listed in here: see backends/mysql/journal.py.
JOURNAL = "migration_journal"
AT_HEAD = "at_head.json"


class Revision(NamedTuple):
    """A line of migrations/HEAD."""

    id: str
    message: str

    def __str__(self) -> str:
        return f"{self.id} ({self.message})" if self.message else self.id


def behind() -> list[str]:
    """Return a line for each database of the current application that is behind its code.

    Meant for a health check. Without a migrations/HEAD, as in a plain Flask-Migrate project, nothing is known
    to be behind::

        @app.get("/health/ready")
        def ready():
            return ("behind", 503) if behind() else ("ready", 200)

    Raises SQLAlchemy's ``SQLAlchemyError`` where a database does not answer.
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
    """Return what the version table holds; nothing where there is none."""
    name, schema = settings.version_table, settings.version_table_schema
    if not inspect(connection).has_table(name, schema=schema):
        return []
    version = select(column("version_num", String)).select_from(table(name, schema=schema))
    return list(connection.scalars(version))


def read_manifest(directory: Path) -> list[Revision]:
    """Return the revisions that migrations/HEAD lists, oldest first, those folded by a squash as well."""
    path = directory / "HEAD"
    if not path.is_file():
        return []
    found: list[Revision] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split(maxsplit=2)
        if words[:2] == ["#", "folded:"]:
            found += [Revision(name, "") for name in words[2].split()] if len(words) > 2 else []
        elif words and not words[0].startswith("#"):
            found.append(Revision(words[0], words[2] if len(words) > 2 else ""))
    return found


def nothing_to_do(app: Any) -> str | None:
    """Return what `flask db upgrade` reports where it surely has nothing to do, else None.

    It has nothing to do where the only database is at the last line of migrations/HEAD, and no file in there
    has changed since a complete run found the same.
    """
    settings = Settings.from_app(app)
    manifest = read_manifest(settings.directory)
    if not manifest or settings.binds or settings.migration_url or settings.testing:
        return None
    engine: Engine = settings.db.engines[None]
    signature, *folders = _remembered(settings).get(_name(engine)) or [""]
    if signature != _signature(settings, folders):
        return None
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file():
        return None  # to connect would make it
    with engine.connect() as connection:
        if stored_revisions(connection, settings) != [manifest[-1].id]:
            return None
        if engine.dialect.name in {"mysql", "mariadb"} and _is_half_applied(connection):
            return None
    return f"Nothing to do: {engine.url.render_as_string(hide_password=True)} is at {manifest[-1]}."


def remember_at_head(settings: Settings, folders: Iterable[Path]) -> None:
    """Note that a complete run has found the default database at head, and nothing to warn of.

    :param folders: where the revisions are: versions/, or what `version_locations` names.
    """
    path = settings.instance_folder / AT_HEAD
    known = _remembered(settings)
    places = [str(folder) for folder in folders]
    known[_name(settings.db.engines[None])] = [_signature(settings, places), *places]
    with suppress(OSError):  # a folder that cannot be written only costs time
        unfinished = path.with_name(f"{AT_HEAD}.{os.getpid()}")
        unfinished.write_text(json.dumps(known), encoding="utf-8")
        unfinished.replace(path)


def _remembered(settings: Settings) -> dict[str, list[str]]:
    with suppress(OSError, ValueError):
        return dict(json.loads((settings.instance_folder / AT_HEAD).read_text(encoding="utf-8")))
    return {}


def _name(engine: Engine) -> str:
    return hashlib.sha256(engine.url.render_as_string(hide_password=True).encode()).hexdigest()[:16]


def _signature(settings: Settings, folders: list[str]) -> str:
    """A digest of names, sizes and times of all files of migrations, and of what else a run depends on."""
    digest = hashlib.sha256(f"{settings.debug} {settings.refuse_changed} {settings.version_table}".encode())
    with suppress(FileNotFoundError):  # it may name other folders of revisions
        stat = (settings.project_folder / "pyproject.toml").stat()
        digest.update(f"{stat.st_size} {stat.st_mtime_ns}\n".encode())
    pending = [str(settings.directory), *folders]
    for folder in pending:  # it grows by the folders in there
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_file():
                    stat = entry.stat()
                    digest.update(f"{entry.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
                elif folder in folders and entry.name != "__pycache__":
                    pending.append(entry.path)
    return digest.hexdigest()


def _is_half_applied(connection: Connection) -> bool:
    if not inspect(connection).has_table(JOURNAL):
        return False
    journal = Table(JOURNAL, MetaData())
    return connection.execute(select(1).select_from(journal).limit(1)).first() is not None
