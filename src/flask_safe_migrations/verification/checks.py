"""Checks of `flask db verify` that need no round trip: constraint names, offline SQL, unregistered models."""

import io
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from alembic import command
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import MetaData, Table
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.exc import SAWarning

from .. import runtime
from ..autogenerate.filters import is_name_included
from ..backends.base import Database
from ..backends.constraints import is_generated_name
from ..backends.schema import TableName, qualify
from ..errors import MigrationError
from ..runtime.heads import alembic_config

# Prints the tables that are known only after every module of a package has been imported. It runs in
# a process of its own, so that importing the modules has no effect on this one.
LIST_UNREGISTERED_TABLES = """
import importlib, pkgutil, sys
name = sys.argv[1]
package = importlib.import_module(name)
try:
    load = importlib.import_module(f"{name}.models").load
except (ModuleNotFoundError, AttributeError) as error:
    if getattr(error, "name", None) not in (f"{name}.models", "load"):
        raise
    sys.exit()  # an application that keeps its models in another way
load()
database = importlib.import_module(f"{name}.database")
def tables():
    return {key for each in [*database.db.metadatas.values(), *database.more_metadata] for key in each.tables}
known = tables()
for module in pkgutil.walk_packages(package.__path__, f"{name}."):
    importlib.import_module(module.name)
print(*sorted(tables() - known))
"""


def find_unnamed_constraints(shadow: Database, script: ScriptDirectory) -> list[str]:
    """Report the constraints that have no name, or one that the server has generated.

    A later revision could not drop or change them on every engine. The filters of the application apply.
    """
    problems: list[str] = []

    def find(_heads: Any, migration: MigrationContext) -> list[Any]:
        context = AutogenContext(migration, migration.opts["target_metadata"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)
            problems.extend(_find_unnamed(context, _list_compared_tables(context, shadow)))
        return []

    runtime.look(shadow, script, find)
    return problems


def _find_unnamed(context: AutogenContext, tables: list[TableName]) -> Iterator[str]:
    metadata: Any = context.metadata
    dialect = context.inspector.dialect
    known = {str(constraint.name) for table in metadata.tables.values() for constraint in table.constraints}
    for table, kind, name, columns in _reflect_constraints(context.inspector, tables):
        if kind == "primary key" and _is_autoincrement(metadata, table):
            continue  # SQLite takes AUTOINCREMENT only behind a column, where SQLAlchemy writes no name
        if name is None or (is_generated_name(dialect.name, table[1], name) and name not in known):
            yield f"the {kind} of {qualify(table)} ({', '.join(columns)}) has no name"


def _list_compared_tables(context: AutogenContext, shadow: Database) -> list[TableName]:
    """Return the tables that a comparison with the models includes."""
    connection: Any = context.connection
    of_extensions = shadow.normalizer.of_extensions(connection)
    return [
        (schema, name)
        for schema, name in sorted(shadow.list_tables(connection), key=qualify)
        if name not in of_extensions
        and is_name_included(context, "schema", schema, None)
        and is_name_included(context, "table", name, schema)
        and _is_object_included(context, schema, name)
    ]


def _is_object_included(context: AutogenContext, schema: str | None, name: str) -> bool:
    metadata: Any = context.metadata
    found = Table(name, MetaData(), schema=schema)
    model = metadata.tables.get(qualify((schema, name)))
    if model is not None:
        return context.run_object_filters(model, name, "table", False, found)
    context.inspector.reflect_table(found, None, resolve_fks=False)
    return context.run_object_filters(found, name, "table", True, None)


def _reflect_constraints(
    inspector: Inspector, tables: list[TableName]
) -> Iterator[tuple[TableName, str, str | None, list[str]]]:
    """Yield the table, kind, name and columns of each constraint."""
    # Every primary key of MySQL and MariaDB has this name.
    default_name = "PRIMARY" if inspector.dialect.name in {"mysql", "mariadb"} else None
    for table in tables:
        schema, name = table
        key = inspector.get_pk_constraint(name, schema)
        if key["constrained_columns"]:
            yield table, "primary key", key["name"] or default_name, key["constrained_columns"]
        for foreign in inspector.get_foreign_keys(name, schema):
            yield table, "foreign key", foreign["name"], foreign["constrained_columns"]
        for unique in inspector.get_unique_constraints(name, schema):
            yield table, "unique constraint", unique["name"], unique["column_names"]
        for check in inspector.get_check_constraints(name, schema):
            yield table, "check", check["name"], [check["sqltext"]]


def _is_autoincrement(metadata: MetaData, table: TableName) -> bool:
    model = metadata.tables.get(qualify(table))
    return model is not None and bool(model.dialect_options["sqlite"]["autoincrement"])


def find_offline_errors(revisions: list[Script]) -> list[str]:
    """Print these revisions and all after them as SQL; report where that fails for want of a connection."""
    start = revisions[0].down_revision
    config = alembic_config()
    config.output_buffer = io.StringIO()
    try:
        command.upgrade(config, f"{start if isinstance(start, str) else 'base'}:head", sql=True)
    except MigrationError as error:
        return [error.message]
    return []


def find_unregistered_models(package: str) -> list[str]:
    """Report the models of an application outside of its models/.

    A new revision would not see such a model, and would drop its table.

    :param package: the import name of the application.
    """
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-c", LIST_UNREGISTERED_TABLES, package],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        last = result.stderr.strip().splitlines()[-1:] or ["no reason given"]
        return [f"not every module of {package} can be imported: {last[0]}"]
    return [
        f"the model of table {name} is outside of models/: move it there" for name in result.stdout.split()
    ]
