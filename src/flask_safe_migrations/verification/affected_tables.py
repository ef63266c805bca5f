"""Which tables a revision is about: those whose names occur in its file, or in a statement that it runs.

Of a thousand tables it is about three; only these need rows and a second look.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event


class AffectedTables:
    def __init__(self, text: str) -> None:
        self.words: set[str] = set()
        self.add(text)

    def add(self, text: str) -> None:
        self.words.update(re.findall(r"\w+", text.casefold()))

    def __call__(self, table: str) -> bool:
        """Whether the words of this name have occurred; it may be one with a schema."""
        return set(re.findall(r"\w+", table.rpartition(".")[2].casefold())) <= self.words

    @contextmanager
    def listening(self, connection: Connection) -> Iterator[None]:
        def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            self.add(statement)

        event.listen(connection, "before_cursor_execute", before)
        try:
            yield
        finally:
            event.remove(connection, "before_cursor_execute", before)
