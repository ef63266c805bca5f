"""Several databases: the default one and those of SQLALCHEMY_BINDS, with one chain of revisions for all.

A revision has upgrade() and downgrade() for the default database. For each bind that it changes, it has
upgrade_<bind>() and downgrade_<bind>(). It does nothing on other binds, so binds can be added and removed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from itertools import combinations
from pathlib import Path
from typing import Any

from alembic.runtime.migration import RevisionStep
from sqlalchemy import MetaData

from .. import backends, settings
from ..backends.base import Database
from ..context import choice
from ..errors import MigrationError, UsageError
from .application_session import use_migration_connection
from .checks import refuse_unfinished
from .heads import environment_options


def databases(x: list[str] | None = None, options: Mapping[str, Any] | None = None) -> list[Database]:
    """Return all databases, the default one first, or the one selected by --bind or `-x bind=`.

    :param options: what env.py passes to context.configure(), if that is already known.

    Raises UsageError for an unknown database and MigrationError if two are the same.
    """
    found = [backends.configured(bind) for bind in (None, *_names())]
    if options is None:
        options = environment_options()
    for database in found:
        use_options(database, options)
    _refuse_duplicates(found)
    names = [text.partition("=")[2] for text in x or () if text.startswith("bind=")]
    name = names[-1] if names else choice().bind
    if name is None:
        return found
    chosen = [database for database in found if label(database) == name]
    if not chosen:
        labels = ", ".join(map(label, found))
        raise UsageError(f"There is no database {name}: --bind takes one of {labels}.")
    return chosen


def use_options(database: Database, options: Mapping[str, Any]) -> None:
    """Set where the revision is stored. The options of Migrate(…) apply where env.py sets none."""
    if options.keys() & {"version_table", "version_table_schema"}:
        schema = options.get("version_table_schema", database.version_table_schema)
        database.store_versions_in(options.get("version_table") or database.version_table, schema)


def label(database: Database) -> str:
    return database.bind or "default"


def prefix(database: Database) -> str:
    """Return the label as the prefix of a line, or an empty string if there is only one database."""
    return f"{label(database)}: " if _names() else ""


def _names() -> list[str]:
    return list(settings.active().binds)


def suffix(bind: str | None) -> str:
    """Return the suffix of the function names for this bind."""
    return "" if bind is None else "_" + re.sub(r"\W", "_", bind)


def function(module: Any, bind: str | None, direction: str) -> Any:
    """Return upgrade() or downgrade() for this database, or None if the revision does not change it.

    With FORMER_BINDS = {"new": "old"} in the settings, the functions for the old name apply to the new one.
    """
    if bind is None and _takes_name(getattr(module, direction, None)):
        return getattr(module, f"{direction}_", None)
    former = settings.active().former_binds.get(bind) if bind else None
    names = [direction + suffix(name) for name in (bind, former) if name or bind is None]
    return next((getattr(module, name) for name in names if hasattr(module, name)), None)


def _takes_name(function: Any) -> bool:
    """Return whether this is a function of Flask-Migrate's `--multidb` template.

    There, upgrade(engine_name) calls upgrade_<name>(). The default database has an empty name: upgrade_().
    """
    code = getattr(function, "__code__", None)
    return bool(code and code.co_argcount)


def select_functions(revisions: Callable[..., Iterable[Any]], bind: str | None) -> Callable[..., list[Any]]:
    """Wrap the function from which Alembic gets its steps: each step runs the function for this database."""

    @wraps(revisions)
    def selected(heads: Any, migration: Any) -> list[Any]:
        steps = list(revisions(heads, migration))
        for step in steps:
            if isinstance(step, RevisionStep):  # not for `stamp`
                if step.is_upgrade:
                    refuse_unfinished(step.revision)
                direction = "upgrade" if step.is_upgrade else "downgrade"
                run, path = function(step.revision.module, bind, direction), Path(step.revision.path)
                step.migration_fn = (
                    use_migration_connection(run, migration, bind, path) if run else _do_nothing
                )
        return steps

    return selected


def touches(module: Any, bind: str | None) -> bool:
    return function(module, bind, "upgrade") is not None


def metadata(bind: str | None) -> MetaData:
    """Return all tables of this database, of db.Model and of other base classes, as one MetaData."""
    db = settings.active().db
    own: MetaData = db.metadatas.get(bind) or MetaData()
    others = [other for other in settings.active().more_metadata if other.info.get("bind_key") == bind]
    if not others:
        return own
    merged = MetaData(naming_convention=own.naming_convention, info=own.info)
    for each in (own, *others):
        for table in each.tables.values():
            if table.key in merged.tables:
                raise MigrationError(f"Two models have the table {table.key}: give one of them another name.")
            table.to_metadata(merged)
    return merged


def _do_nothing() -> None:
    """Stands in for a revision that does not change this database."""


def _refuse_duplicates(databases: list[Database]) -> None:
    for one, other in combinations(databases, 2):
        if one.is_same(other):
            raise MigrationError(
                f"The databases {label(one)} and {label(other)} are one and the same ({other}): each needs "
                "one of its own."
            )
        if suffix(one.bind) == suffix(other.bind):
            raise MigrationError(
                f"The binds {label(one)} and {label(other)} would both have upgrade{suffix(one.bind)}(): "
                "rename one of them."
            )
