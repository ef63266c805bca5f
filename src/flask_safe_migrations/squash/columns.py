"""A table as the database has it, with the types and defaults of the model where they come to the same.

What no model has gets types that every engine knows, where there are such.
"""

from typing import Any

from sqlalchemy import Column, DefaultClause, Dialect, Table, func
from sqlalchemy.exc import CompileError

from ..backends.base import Database
from .cleanup import plain_types, portable

# Options of a table that are those of the server, most often; a comment is told twice.
OF_SERVER = {"default charset", "collate", "comment", "engine"}


def mix(table: Table, model: Table | None, sql: list[str], database: Database, dialect: Dialect) -> None:
    """Change `table`, which was reflected; `sql` is what makes it on this engine."""
    for option in list(table.dialect_kwargs):
        if option.rpartition("_")[2] in OF_SERVER:
            del table.dialect_kwargs[option]
    for column in table.columns:
        known = None if model is None else model.columns.get(column.name)
        if found := database.normalizer.known_type(column.name, sql):
            column.type = found
        elif known is not None and _same(column.type, known.type, database, dialect):
            column.type = known.type
        elif (other := portable(column.type)) and _same(column.type, other, database, dialect):
            column.type = other
        column.server_default = _default(column, known, database, dialect)
    plain_types(table)


def _default(column: Column[Any], known: Column[Any] | None, database: Database, dialect: Dialect) -> Any:
    """That of the model, or the time of day, which every engine has a word of its own for."""
    compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
    plain = database.normalizer.normalize_default
    time_of_day = Column(column.name, column.type, server_default=func.now())
    for other in (known, time_of_day):
        sides = [column, other] if other is not None else []
        if sides and all(isinstance(side.server_default, DefaultClause) for side in sides):
            told = [plain(compiler.get_column_default_string(side)) for side in sides]
            if told[0] == told[1]:
                return DefaultClause(other.server_default.arg)  # type: ignore[union-attr]
    return column.server_default


def _same(one: Any, other: Any, database: Database, dialect: Dialect) -> bool:
    plain = database.normalizer.normalize_type
    try:
        return plain(one.compile(dialect)) == plain(other.compile(dialect))
    except CompileError:
        return False
