"""Compute a digest of the models, without loading Alembic."""

import hashlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Dialect, MetaData
from sqlalchemy.schema import CreateIndex, CreateTable

from .foreign_keys import require_targets


def digest_models(metadata: Iterable[MetaData], dialect: Dialect) -> str:
    """Return a digest of the DDL that creates the models on this engine.

    Raise MigrationError if a foreign key refers to what no model has.
    """
    elements: list[Any] = []
    for each in metadata:
        require_targets(each)
        for table in each.sorted_tables:
            indexes = sorted(table.indexes, key=lambda index: str(index.name))
            elements += [CreateTable(table), *map(CreateIndex, indexes)]
    text = "\n".join(str(element.compile(dialect=dialect)) for element in elements)
    return hashlib.sha256(text.encode()).hexdigest()
