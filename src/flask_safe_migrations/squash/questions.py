"""What a baseline leaves out, because an empty database has no use for it or because no schema says it."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .effects import asks_for_engine, changes_rows, databases, outside
from .selection import Fold
from .state import Key


class Question(NamedTuple):
    """A folded revision, and what becomes of something that it does."""

    file: str
    told: str


def questions(fold: Fold, filled: Iterable[Key], engine: str, known: set[str]) -> list[Question]:
    """Return what has to be known before the fold.

    `filled` are the tables that have rows at its end, `known` the suffixes of the databases' functions.
    """
    found = []
    for revision in fold.folded:
        path = Path(revision.path)
        if getattr(revision.module, "replaces", None):
            continue  # a baseline has been asked about
        if changes_rows(path):
            text = path.read_text(encoding="utf-8")
            carried = sorted(name for _, name in filled if re.search(rf"\b{re.escape(name)}\b", text))
            told = "fresh databases have nothing to change"
            if carried:
                told = f"the rows of {', '.join(carried)} are carried over"
            found.append(Question(path.name, f"changes rows: {told}"))
        found += [
            Question(path.name, f"{sql}: of this come along rights on tables, views, sequences (PostgreSQL)")
            for sql in outside(path)
        ]
        found += [
            Question(path.name, f"upgrade{suffix}() is for no database that is configured, and is not kept")
            for suffix in sorted(databases(path) - known)
        ]
        if asks_for_engine(path):
            found.append(
                Question(path.name, f"does different things on each engine: only those on {engine} are kept")
            )
    return found
