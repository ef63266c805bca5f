"""Report foreign keys of the models to tables and columns that no model has, without loading Alembic.

SQLAlchemy finds them where it sorts the tables, and its error does not show what to write instead. It takes a
table without a column for its column of the same name; Alembic writes such a key without its column.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.exc import NoReferencedColumnError, NoReferencedTableError

from .errors import MigrationError


def require_targets(metadata: MetaData) -> None:
    """Raise MigrationError for the first foreign key whose table or column is not in the metadata.

    A foreign key that names no column is reported as well.
    """
    for table in metadata.tables.values():
        for column in table.columns:
            for key in column.foreign_keys:
                if key.target_tokens.column_name is None:
                    raise MigrationError(_describe_incomplete(key))
                try:
                    _ = key.column  # resolved once, and then kept
                except (NoReferencedTableError, NoReferencedColumnError) as error:
                    name = f"{table.fullname}.{column.name}"
                    raise MigrationError(f"{name} refers to {_describe(key, metadata)}.") from error


def _describe_incomplete(key: ForeignKey) -> str:
    owner = key.parent
    table = key.target_fullname
    return (
        f"{owner.table.fullname}.{owner.name} refers to {table} without a column: "
        f'write ForeignKey("{table}.{owner.name}"), or another column of {table}.'
    )


def _describe(key: ForeignKey, metadata: MetaData) -> str:
    target = key.target_fullname
    owner, _, column = target.rpartition(".")
    if owner in metadata.tables:
        names = ", ".join(metadata.tables[owner].columns.keys())
        return f"{target}, but {owner} has no column {column}: it has {names}"
    meant = _find_similar(owner, metadata.tables)
    correction = f'write ForeignKey("{meant}.{column}")' if meant else "correct it"
    return (
        f"{target}, but no model has a table {owner}: {correction}, or import the module of the model "
        "that has it"
    )


def _find_similar(name: str, names: Iterable[str]) -> str | None:
    """Return the table that is likely meant. The name of a class is often written: User for users."""
    folded = {each.casefold(): each for each in names}
    found = get_close_matches(name.casefold(), folded, n=1)
    return folded[found[0]] if found else None
