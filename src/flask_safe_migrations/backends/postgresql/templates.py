"""Caches shadow databases built from the history as template databases, which can be copied quickly.

https://www.postgresql.org/docs/current/manage-ag-templatedbs.html
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ..shadow_cache import KEPT

if TYPE_CHECKING:
    from . import PostgreSQL


def keep(shadow: "PostgreSQL", key: str) -> None:
    """Create a template and remove the oldest ones."""
    if shadow.is_given:
        return
    with suppress(DBAPIError):  # another command has just created it
        copy(shadow, _template(shadow, key))
        for name in _names(shadow)[:-KEPT]:
            shadow.with_name(name).drop()


def recall(shadow: "PostgreSQL", keys: Sequence[str]) -> str | None:
    """Create the shadow database again, from the first of these templates that exists."""
    there = set() if shadow.is_given else set(_names(shadow))
    key = next((key for key in keys if _template(shadow, key).name in there), None)
    if key:
        shadow.drop()
        try:
            copy(_template(shadow, key), shadow)
        except DBAPIError:  # another command has just dropped it
            shadow.create()
            return None
    return key


def copy(source: "PostgreSQL", target: "PostgreSQL") -> None:
    """Create `target` as a copy of `source`, which no other session may use."""
    with source.connect_to_maintenance() as connection:
        names = target.quoted(connection), source.quoted(connection)
        connection.exec_driver_sql("CREATE DATABASE {} TEMPLATE {}".format(*names))


def _prefix(shadow: "PostgreSQL") -> str:
    return f"{shadow.name.rpartition('_shadow')[0]}_kept_"


def _template(shadow: "PostgreSQL", key: str) -> "PostgreSQL":
    return shadow.with_name(f"{_prefix(shadow)}{key[:16]}")


def _names(shadow: "PostgreSQL") -> list[str]:
    """Return the names of the templates, oldest first."""
    with shadow.connect_to_maintenance() as connection:
        names = connection.scalars(text(shadow.list_query)).all()
    ours = re.compile(rf"{re.escape(_prefix(shadow))}[0-9a-f]{{16}}")
    return [name for name in names if ours.fullmatch(name)]
