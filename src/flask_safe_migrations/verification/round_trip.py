"""Runs a revision up, down and up again on a shadow database, with rows, and compares the schemas.

`ShadowWalk` does so for one revision after the other on the same shadow database.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, event

from .. import _compat, runtime, safety
from ..backends.base import Database
from ..backends.probes import Probes, find_broken
from ..backends.schema import Schema, TableName, differences, qualify
from ..errors import MigrationError
from ..runtime import Recorder, binds
from ..runtime.errors import IrreversibleError
from ..runtime.row_checks import RowCheckError
from ..safety.revision_source import find_irreversible_reason
from .expectations import Expectations
from .loosened import LoosenedRows, Shape, read_shapes
from .sample_rows import insert_sample_rows

# Rows of a table after which no more are added: `verify` takes one database through the whole history, and
# adds rows for each revision.
ROW_LIMIT = 60


class RoundTripError(MigrationError):
    """The revision does not do what it should; the message says what and where."""


class AffectedTables:
    """The tables whose names occur in a revision's file, or in a statement that it runs.

    A revision affects about three of a thousand tables; only these need rows and are compared.
    """

    def __init__(self, text: str) -> None:
        self.words: set[str] = set()
        self.add(text)

    def add(self, text: str) -> None:
        self.words.update(re.findall(r"\w+", text.casefold()))

    def includes(self, table: str) -> bool:
        """Whether all words of this name have occurred; the name may contain a schema."""
        return set(re.findall(r"\w+", table.rpartition(".")[2].casefold())) <= self.words

    @contextmanager
    def watch(self, connection: Connection, expected: Expectations) -> Iterator[None]:
        """Add the words and constants of every statement that is executed inside the block."""

        def before_execute(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            self.add(statement)
            expected.add(statement, parameters)

        event.listen(connection, "before_cursor_execute", before_execute)
        try:
            yield
        finally:
            event.remove(connection, "before_cursor_execute", before_execute)


class RoundTrip:
    """The round trip of one revision.

    :param shadow: a shadow database that is at the parent of the revision.
    :raises RoundTripError: where the revision has no downgrade function.
    """

    def __init__(self, shadow: Database, script: ScriptDirectory, revision: Script) -> None:
        self.shadow, self.script, self.revision = shadow, script, revision
        self.path = Path(revision.path)
        self.affected_tables = AffectedTables(self.path.read_text(encoding="utf-8"))
        downgrade = binds.function(revision.module, shadow.bind, "downgrade")
        if downgrade is None:
            raise RoundTripError(
                f"{self.path.name} has no downgrade{binds.suffix(shadow.bind)}(): write one."
            )
        self.irreversible_reason = find_irreversible_reason(self.path, downgrade.__name__)
        self.metadata = binds.metadata(shadow.bind)
        self.expected = Expectations()

    @property
    def is_irreversible(self) -> bool:
        return self.irreversible_reason is not None

    def run(self, recorder: Recorder | None = None, models: Callable[[str], bool] | None = None) -> list[str]:
        """Return the affected tables into which no row could be inserted.

        An irreversible revision is upgraded once.

        :param recorder: a context manager around the first upgrade, which gets the connection.
        :param models: which tables are compared with the models afterwards.
        :raises RoundTripError: where a step fails, or its schema is not the expected one.
        """
        empty = self.insert_rows() if self.is_irreversible else []
        before, worked = self.get_schema(), self.probe_objects()
        self.migrate("upgrade", recorder)
        after = self.get_schema()
        broken = find_broken(worked, self.probe_objects())
        self.raise_for(broken, "the upgrade breaks what it does not drop or change")
        for table in before.keys() | after.keys():
            if before.get(table) != after.get(table):
                self.affected_tables.add(table)
        # A revision that changes no table is about rows; then the models may be ahead of it.
        if models and self.revision.is_head and after != before:
            problems = safety.find_model_differences(self.shadow, self.script, models)
            self.raise_for(problems, "after the upgrade, the models still differ")
        if self.is_irreversible:
            return empty
        shapes = self._read_shapes()
        not_restored = "the downgrade does not restore the schema"
        self.migrate("downgrade")
        self.raise_for(differences(before, self.get_schema()), not_restored)
        self.insert_rows()
        loosened = LoosenedRows(self._read_shapes(), shapes)
        self.migrate("upgrade with rows")
        self.take_back_loosened_rows(loosened, before, after)
        # Few rows only: what fits into a longer column now need not fit into the shorter one again.
        empty = self.insert_rows(limit=1)
        self.migrate("downgrade with rows")
        self.raise_for(differences(before, self.get_schema()), not_restored)
        self.migrate("upgrade after the downgrade")
        problems = differences(after, self.get_schema())
        self.raise_for(problems, "the second upgrade does not give the schema of the first")
        return empty

    def take_back_loosened_rows(self, loosened: LoosenedRows, before: Schema, after: Schema) -> None:
        """Run the downgrade with rows that only the new schema allows; leave the revision applied.

        The downgrade may refuse them, with the reason.
        """
        with self.shadow.connect_again() as connection, connection.begin():
            if not loosened.insert(connection, self.metadata):
                return
        step = "downgrade with rows that only the new schema allows"
        try:
            self.migrate(step)
        except RoundTripError as error:
            if not isinstance(error.__cause__, RowCheckError | IrreversibleError):
                raise
        else:
            self.raise_for(differences(before, self.get_schema()), f"the {step} does not restore the schema")
        with self.shadow.connect_again() as connection, connection.begin():
            loosened.delete(connection)
        now = self.get_schema()
        if not differences(after, now):
            return
        if differences(before, now):  # without a transaction for DDL, a downgrade may stop half-way
            self.shadow.reset()
            runtime.build(self.shadow, self.script, str(self.revision.down_revision or "base"))
        self.migrate(f"upgrade after the {step}")

    def _read_shapes(self) -> dict[TableName, Shape]:
        """Return what the affected tables allow; remember their types and foreign keys."""
        with self.shadow.connect_again() as connection:
            tables = self._select_affected(self.shadow.list_tables(connection))
            self.expected.add_schema(connection, tables)
            return read_shapes(connection, tables)

    def _select_affected(self, tables: set[TableName]) -> set[TableName]:
        return {table for table in tables if self.affected_tables.includes(qualify(table))}

    def get_schema(self) -> Schema:
        with self.shadow.connect_again() as connection:
            return self.shadow.schema(connection)

    def probe_objects(self) -> Probes:
        with self.shadow.connect_again() as connection:
            return self.shadow.probe_objects(connection)

    def insert_rows(self, limit: int = ROW_LIMIT) -> list[str]:
        """Insert rows into the affected tables, or into all where these are not known before the upgrade.

        The rows that the upgrade expects are for the way up: a second one need not fit the way down.
        """
        with self.shadow.connect_again() as connection, connection.begin():
            existing = self.shadow.list_tables(connection)
            affected = existing if self.is_irreversible else self._select_affected(existing)
            return insert_sample_rows(
                connection,
                self.metadata,
                affected,
                existing,
                limit=limit,
                expected=self.expected if limit == ROW_LIMIT else None,
            )

    def migrate(self, step: str, recorder: Recorder | None = None) -> None:
        """Run the revision; `step` begins with "upgrade" or "downgrade" and names it in an error."""
        upgrade = step.startswith("upgrade")
        destination = self.revision.revision if upgrade else str(self.revision.down_revision or "base")

        @contextmanager
        def watch(connection: Connection) -> Iterator[None]:
            with (  # in this order: on MariaDB, the recorder replaces what it has tried with LOCK=NONE
                self.affected_tables.watch(connection, self.expected),
                (recorder or nullcontext)(connection),
            ):
                yield

        try:
            runtime.run(self.shadow, self.script, destination, upgrade=upgrade, recorder=watch)
        except MigrationError as error:
            # Leave out the state of the shadow database after the failure: nobody needs it.
            message = error.message.partition(f" {self.shadow.after_failure}")[0]
            if isinstance(error, RowCheckError):  # nor can anybody correct its rows
                message = f"{error.message.partition(error.rows)[0]}{error.rows}."
            raise RoundTripError(f"In the {step}: {message}") from error

    def raise_for(self, problems: list[str], what: str) -> None:
        """Raise RoundTripError where there are problems."""
        if problems:
            more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""
            raise RoundTripError(f"{self.path.name}: {what}: {'; '.join(problems[:5])}{more}.")


class ShadowWalk:
    """Creates the shadow database when it is first needed, and again where a revision has another parent.

    :param stack: drops the shadow database when it is closed.
    """

    def __init__(self, database: Database, script: ScriptDirectory, stack: ExitStack) -> None:
        self.database, self.script, self.stack = database, script, stack
        self.shadow: Database | None = None
        self.current: set[str] = set()
        self.recorded: list[safety.RecordedOperation] = []

    def verify(self, revision: Script) -> None:
        """Run the round trip of a revision; of a merge, only the upgrade.

        What the upgrade did is in `recorded`, also after an error.

        :raises MigrationError: where the revision does not do what it should.
        """
        if len(_compat.parents(revision)) > 1:
            self.record(revision)
            return
        shadow, recorder = self.prepare(revision), self._record(revision)
        RoundTrip(shadow, self.script, revision).run(recorder)
        self.current = {revision.revision}

    def record(self, revision: Script, watch: Recorder = nullcontext) -> list[safety.RecordedOperation]:
        """Run the upgrade once, without a round trip; return what it did.

        :param watch: a context manager around the upgrade, which gets the connection.
        """
        shadow, recorder = self.prepare(revision), self._record(revision)

        @contextmanager
        def record(connection: Connection) -> Iterator[None]:
            # The recorder is the inner one: it runs statements of MariaDB itself and replaces them.
            with watch(connection), recorder(connection):
                yield

        runtime.run(shadow, self.script, revision.revision, upgrade=True, recorder=record)
        self.current = {revision.revision}
        return self.recorded

    def upgrade_to_heads(self) -> Database:
        if self.shadow is None:
            return self._build(set(self.script.get_heads()))
        runtime.run(self.shadow, self.script, "heads", upgrade=True)
        return self.shadow

    def prepare(self, revision: Script) -> Database:
        """Return the shadow database at the parents of the revision."""
        parents = set(_compat.parents(revision))
        return self.shadow if self.shadow and self.current == parents else self._build(parents)

    def _record(self, revision: Script) -> Recorder:
        """Return what fills `recorded`."""
        self.recorded = []
        return make_recorder(revision, self.recorded)

    def _build(self, revisions: set[str]) -> Database:
        self.stack.close()
        first, *others = sorted(revisions) or ["base"]
        self.shadow = shadow = self.stack.enter_context(runtime.shadow_at(self.database, self.script, first))
        for revision in others:
            runtime.run(shadow, self.script, revision, upgrade=True)
        self.current = revisions
        return shadow


def make_recorder(revision: Script, recorded: list[safety.RecordedOperation]) -> Recorder:
    """Return a context manager that adds what the revision does, also if it fails."""

    @contextmanager
    def record(connection: Connection) -> Iterator[None]:
        with safety.record_operations(Path(revision.path), connection) as operations:
            try:
                yield
            finally:
                recorded.extend(operations)

    return record
