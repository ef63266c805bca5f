"""Up and down, and again with rows, each time with a look at what the schema has become."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection

from .. import runtime
from ..backends.base import Database
from ..backends.schema import Schema, differences
from ..errors import MigrationError
from ..runtime import Recorder, binds
from ..runtime.differences import from_models
from ..safety.revision_source import find_irreversible_reason
from .affected_tables import AffectedTables
from .sample_rows import fill

ENOUGH = 60  # rows; `verify` takes one database through the whole history, and adds some for each revision


class ProofError(MigrationError):
    """The revision does not do what it should; the message says what and where."""


class Proof:
    """Of one revision, on a throwaway database that stands at its parent."""

    def __init__(self, shadow: Database, script: ScriptDirectory, revision: Script) -> None:
        self.shadow, self.script, self.revision = shadow, script, revision
        self.path = Path(revision.path)
        self.concerned = AffectedTables(self.path.read_text(encoding="utf-8"))
        downgrade = binds.function(revision.module, shadow.bind, "downgrade")
        if downgrade is None:
            raise ProofError(f"{self.path.name} has no downgrade{binds.suffix(shadow.bind)}(): write one.")
        # Why it cannot be taken back, where it says so.
        self.irreversible = find_irreversible_reason(self.path, downgrade.__name__)
        self.final = self.irreversible is not None
        self.metadata = binds.metadata(shadow.bind)

    def run(self, recorder: Recorder | None = None, models: Callable[[str], bool] | None = None) -> list[str]:
        """Return the concerned tables that had to stay without rows; raises ProofError.

        `recorder` is around the first way up, with the connection that it takes. `models` says which tables
        are compared with the models afterwards. A revision that cannot be taken back goes up once.
        """
        empty = self.fill() if self.final else []
        before = self.schema()
        self.go("up", recorder)
        after = self.schema()
        for table in before.keys() | after.keys():
            if before.get(table) != after.get(table):
                self.concerned.add(table)
        # Where no table has changed it is about rows, and the models may come later.
        if models and self.revision.is_head and after != before:
            self.refuse(from_models(self.shadow, self.script, models), "after it, the models still differ")
        if self.final:
            return empty
        undone, redone = "after its downgrade the schema is not what it was", "up again is not the same as up"
        self.go("down")
        self.refuse(differences(before, self.schema()), undone)
        self.fill()
        self.go("up, with rows")
        empty = self.fill(enough=1)  # what is in a longer column now need not fit into the shorter one again
        self.go("down, with rows")
        self.refuse(differences(before, self.schema()), undone)
        self.go("up again, with rows")
        self.refuse(differences(after, self.schema()), redone)
        return empty

    def schema(self) -> Schema:
        with self.shadow.connect() as connection:
            return self.shadow.schema(connection)

    def fill(self, enough: int = ENOUGH) -> list[str]:
        """Put rows into the tables that are concerned; where that is not known yet, into all."""

        def wanted(table: str) -> bool:
            return table not in self.shadow.internal_tables and (self.final or self.concerned(table))

        with self.shadow.connect() as connection, connection.begin():
            return fill(connection, self.metadata, wanted, enough=enough)

    def go(self, way: str, recorder: Recorder | None = None) -> None:
        upgrade = way.startswith("up")
        destination = self.revision.revision if upgrade else str(self.revision.down_revision or "base")

        @contextmanager
        def listening(connection: Connection) -> Iterator[None]:
            with (recorder or nullcontext)(connection), self.concerned.listening(connection):
                yield

        try:
            runtime.run(self.shadow, self.script, destination, upgrade=upgrade, recorder=listening)
        except MigrationError as error:
            # What the throwaway database looks like now is of no interest.
            said = error.message.partition(f" {self.shadow.after_failure}")[0]
            raise ProofError(f"On the way {way}: {said}") from error

    def refuse(self, found: list[str], what: str) -> None:
        if found:
            more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
            raise ProofError(f"{self.path.name}: {what}: {'; '.join(found[:5])}{more}.")
