"""Describe the databases for a page: the engine, the tables with their row counts, the chain of revisions.

Nothing here loads Alembic: like readiness.py, it reads migrations/HEAD and the version table.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flask import current_app
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SQLAlchemyError

from .readiness import Revision, half_applied, read_manifest, stored_revisions
from .settings import Settings

State = Literal["applied", "half-applied", "pending"]
TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}
# The tables of this library: Database.internal_tables, without loading the backends.
INTERNAL = (
    *("migration_applied", "migration_journal", "migration_lock", "migration_marker"),
    "migration_unfinished",
)
# SQLite accepts 500 SELECTs in one statement: https://sqlite.org/limits.html#max_compound_select
TABLES_PER_QUERY = 100


@dataclass(frozen=True)
class TableSize:
    """A table and its number of rows, which is None if it could not be counted in time."""

    name: str
    rows: int | None
    # Whether counting stopped at `rows`.
    has_more: bool = False


@dataclass(frozen=True)
class ChainLink:
    """A revision in the order of migrations/HEAD, as seen from one database."""

    id: str
    message: str
    state: State


@dataclass(frozen=True)
class Overview:
    """One database: what it is, what is in it, and which revisions it has."""

    # The name of the bind. None is the default database.
    bind: str | None
    # In words: "SQLite 3.40" and "instance/my_app.db", or "PostgreSQL 15" and "my_app_dev on localhost".
    engine: str
    place: str
    # One line that says why the rest is empty: the database does not exist or does not answer.
    problem: str | None = None
    # The tables of the application, sorted by name.
    tables: tuple[TableSize, ...] = ()
    # Oldest first, without those that a squash has folded.
    revisions: tuple[ChainLink, ...] = ()
    # The revisions that the version table names.
    heads: tuple[str, ...] = ()

    @property
    def shortened(self) -> list[ChainLink | int]:
        """The first and last revisions, and those around the database's own. A number stands for others."""
        applied, last = sum(link.state == "applied" for link in self.revisions), len(self.revisions) - 1
        shown = {0, applied - 1, min(applied, last - 2), last}
        chain: list[ChainLink | int] = []
        for number, link in enumerate(self.revisions):
            if number in shown or {number - 1, number + 1} <= shown:
                chain.append(link)
            elif chain and isinstance(chain[-1], int):
                chain[-1] += 1
            else:
                chain.append(1)
        return chain

    @property
    def pending(self) -> tuple[ChainLink, ...]:
        """The revisions that are not applied, or only in part."""
        return tuple(link for link in self.revisions if link.state != "applied")


def overview(limit: int = 1000) -> list[Overview]:
    """Describe each database of the current application, the default one first.

    Example, in a view of a page for developers::

        return render_template("status.html", databases=overview())

    It runs a handful of queries, and one more per 100 tables. It does not create a database. If a database
    does not exist or does not answer, `problem` says so. The function needs an application context.

    :param limit: count at most so many rows of a table, so that large tables cost no more than small ones.
    """
    settings = Settings.from_app(current_app)
    engines, revisions = settings.db.engines, read_manifest(settings.directory)
    return [
        _describe(settings, bind, engines[bind], revisions, limit)
        for bind in sorted(engines, key=lambda b: b or "")
    ]


def _describe(
    settings: Settings, bind: str | None, engine: Any, revisions: Sequence[Revision], limit: int
) -> Overview:
    title, place = TITLES.get(engine.dialect.name, engine.dialect.name), _place(settings, engine.url)

    def without(problem: str) -> Overview:
        return Overview(bind, title, place, problem, revisions=_chain(revisions, (), ()))

    if engine.dialect.name == "sqlite" and _is_missing(engine.url.database):
        return without("does not exist yet")  # connecting would create the file
    try:
        with engine.connect() as connection:
            heads = stored_revisions(connection, settings)
            names = _table_names(connection, settings, bind)
            half = half_applied(connection)
            return Overview(
                bind,
                f"{_title(connection)} {_version(connection)}".strip(),
                place,
                tables=tuple(_count(connection, names, limit)),
                revisions=_chain(revisions, heads, half),
                heads=tuple(heads),
            )
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        return without(f"does not answer: {reason}")


def _is_missing(path: str | None) -> bool:
    return bool(path) and not str(path).startswith((":memory:", "file:")) and not Path(str(path)).exists()


def _place(settings: Settings, url: Any) -> str:
    if url.get_backend_name() == "sqlite":
        path = url.database or ":memory:"
        return "in memory" if path.startswith((":memory:", "file:")) else str(settings.relative(Path(path)))
    host = url.host or url.query.get("host") or "localhost"
    where = "a local socket" if str(host).startswith("/") else f"{host}:{url.port}" if url.port else host
    return f"{url.database} on {where}"


def _title(connection: Connection) -> str:
    dialect = connection.dialect
    return TITLES["mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name]


def _version(connection: Connection) -> str:
    """Return the release that people name: PostgreSQL has one number, the others have two."""
    numbers = [part for part in connection.dialect.server_version_info or () if isinstance(part, int)]
    return ".".join(map(str, numbers[: 1 if connection.dialect.name == "postgresql" else 2]))


def _table_names(
    connection: Connection, settings: Settings, bind: str | None
) -> list[tuple[str | None, str]]:
    """Return the tables of the default schema and of those that models name, as (schema, name)."""
    metadata = settings.db.metadatas.get(bind)
    schemas = {part.schema for part in metadata.tables.values() if part.schema} if metadata else set()
    inspector = inspect(connection)
    existing = schemas and set(inspector.get_schema_names())
    return [
        (schema, name)
        for schema in (None, *sorted(schemas & existing))
        for name in sorted(inspector.get_table_names(schema))
        if not name.startswith(INTERNAL) and name != settings.version_table
    ]


def _chain(
    revisions: Sequence[Revision], heads: Sequence[str], half_applied: Sequence[str]
) -> tuple[ChainLink, ...]:
    ids = [revision.id for revision in revisions]
    listed = [ids.index(head) for head in heads if head in ids]
    # A database at unlisted revisions only is newer than the code.
    applied = max(listed) + 1 if listed else len(ids) if heads else 0

    def state(number: int) -> State:
        if ids[number] in half_applied:
            return "half-applied"
        return "applied" if number < applied else "pending"

    found = [
        ChainLink(revision.id, revision.message, state(number))
        for number, revision in enumerate(revisions)
        if not revision.is_folded
    ]
    # A newer database, or a revision that was written by hand and is not listed yet.
    unlisted = [ChainLink(head, "not in migrations/HEAD", "applied") for head in heads if head not in ids]
    return (*found, *unlisted)


def _count(
    connection: Connection, names: Sequence[tuple[str | None, str]], limit: int
) -> Iterator[TableSize]:
    for start in range(0, len(names), TABLES_PER_QUERY):
        part = names[start : start + TABLES_PER_QUERY]
        counts: dict[int, int] = {}
        with suppress(SQLAlchemyError):  # locked, not readable, or dropped since
            counts = _count_rows(connection, part, limit + 1)
        connection.rollback()
        for number, (schema, name) in enumerate(part):
            rows = counts.get(number)
            label = f"{schema}.{name}" if schema else name
            yield TableSize(label, rows if rows is None else min(rows, limit), (rows or 0) > limit)


def _count_rows(
    connection: Connection, names: Sequence[tuple[str | None, str]], limit: int
) -> dict[int, int]:
    """Return the numbers of rows, at most `limit`, in one query. The names are quoted by the dialect."""
    quote = connection.dialect.identifier_preparer.quote
    query = " UNION ALL ".join(
        f"SELECT {number}, count(*) FROM "  # noqa: S608
        f"(SELECT 1 FROM {'.'.join(quote(part) for part in place if part)} LIMIT {limit}) AS t{number}"
        for number, place in enumerate(names)
    )
    # Do not wait for a table that a migration has locked. The default of MariaDB is a day.
    title = _title(connection)
    if title == "PostgreSQL":
        connection.exec_driver_sql("SET LOCAL statement_timeout = '1s'")
    elif title == "MariaDB":
        query = f"SET STATEMENT max_statement_time = 1, lock_wait_timeout = 1 FOR {query}"
    return {int(number): int(rows) for number, rows in connection.exec_driver_sql(query)}
