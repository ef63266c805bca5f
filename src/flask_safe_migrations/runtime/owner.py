"""To which application a database belongs, so that another one neither migrates nor rebuilds it.

Two applications may share a database if each has a `version_table` of its own. The name of the application
is in each row of the table of applied revisions (applied.py). A database that an earlier release or
Flask-Migrate has migrated has no name yet; the next revision that is applied records it.
"""

import warnings

from sqlalchemy import Connection, Inspector, column, inspect, select, table
from sqlalchemy.exc import SAWarning

from .. import settings
from ..backends.base import Database
from ..errors import MigrationError
from .applied import find_table, has_owner

SERVER_SCHEMAS = ("information_schema", "pg_")


def refuse_other_application(connection: Connection, database: Database) -> None:
    """Raise MigrationError if another application has migrated this database with the same version table."""
    applied = find_table(connection, database)
    if applied is None or not has_owner(connection, applied):
        return
    mine = settings.active().owner
    recorded = applied.c.application
    owners = select(recorded).where(recorded.is_not(None)).distinct().order_by(recorded)
    for owner in connection.scalars(owners):
        if not _is_same(owner, mine):
            raise MigrationError(
                f"{database} belongs to the application {owner}, not to {mine}, and nothing was changed: "
                f"check {database.setting}; two applications in one database need a version_table each "
                "(Migrate(app, db, version_table=…)), and a renamed application keeps its old name in "
                "MIGRATION_OWNER."
            )


def refuse_shared(database: Database) -> None:
    """Refuse to rebuild a database that holds the tables of another application, too."""
    if not database.exists():
        return
    with database.connect() as connection:
        refuse_other_application(connection, database)
        if other := _find_other_version_table(connection, database):
            raise MigrationError(
                f"{database} is not rebuilt: by its table {other}, it also holds the tables of another "
                "application, which would be dropped. Use `flask db downgrade base` and `flask db upgrade`, "
                f"or drop {other} if that application is gone."
            )


def _is_same(one: str, other: str) -> bool:
    """Return whether two names are of one application: src.shop and shop are, by the folder it starts in."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _find_other_version_table(connection: Connection, database: Database) -> str | None:
    """Return a version table of Alembic with a revision in it that is not the one of this application."""
    inspector = inspect(connection)
    own = (database.version_table_schema or inspector.default_schema_name, database.version_table.casefold())
    for schema, name in _list_version_tables(inspector, database):
        if (schema or inspector.default_schema_name, name.casefold()) == own:
            continue
        versions = table(name, column("version_num"), schema=schema)
        if connection.execute(select(versions.c.version_num).limit(1)).first():
            return ".".join(filter(None, (schema, name)))
    return None


def _list_version_tables(inspector: Inspector, database: Database) -> list[tuple[str | None, str]]:
    """Return the schema and name of the tables with the one column of Alembic's version table."""
    schemas: list[str | None] = [None]
    if database.has_schemas:
        schemas = [name for name in inspector.get_schema_names() if not name.startswith(SERVER_SCHEMAS)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of types and indexes that SQLAlchemy does not know
        found = [each for schema in schemas for each in inspector.get_multi_columns(schema=schema).items()]
    return [key for key, columns in found if [each["name"] for each in columns] == ["version_num"]]
