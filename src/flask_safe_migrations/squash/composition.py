"""Composes the operations of a baseline, and runs them until the result is that of the folded revisions.

Where the result differs, a table or its rows get their next source, and everything is tried again.
"""

import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData
from sqlalchemy.exc import SAWarning

from .. import runtime
from ..autogenerate.compare.enums import EnumTypeOp
from ..autogenerate.ordering import sort_operations
from ..backends.base import Database
from ..backends.schema import SchemaObject
from ..context import Comparison
from ..errors import MigrationError, find_line
from ..runtime import binds
from .archive import StagedVersions
from .rendering import RawSQLOp, RenderedCode, Step, portable_context, render_file, render_functions
from .rows import reset_counters
from .sources import Source, Sources, sort_columns
from .state import State, TableKey, describe_differences, raise_differences, read_current_state, table_title

# After so many failures, no table is taken from the models any more.
MAX_MODEL_FAILURES = 10
# Created first: a type may be in a schema and need an extension.
FIRST_KINDS = ("schema", "extension")


@dataclass(frozen=True)
class Outcome:
    """The result of the folded revisions in an empty database: what the baseline has to reproduce."""

    revision: str
    # At the last folded revision.
    state: State
    sources: Sources
    # For each table that has rows, the operations that insert them, the most portable one first.
    rows: dict[TableKey, list[ops.MigrateOperation]]
    # At the newest revision.
    head_state: State
    # SQL that sets the counters of generated keys, where inserting the rows alone does not.
    counters: dict[str, str]


@dataclass
class Composer:
    """Composes the functions for one database.

    `outcome` is the result of the folded revisions; `database` is an empty shadow database.
    """

    database: Database
    outcome: Outcome
    staged: StagedVersions
    # The result of `rendering.compose_header`.
    header: dict[str, str]
    # If there are any, SQL statements are only executed on these.
    dialects: tuple[str, ...]
    failures: int = 0
    has_deferred_counters: bool = False

    def compose(self) -> RenderedCode:
        """Return upgrade…() and downgrade…(); raises MigrationError if no source gives the same result."""
        while True:
            functions = self._render()
            # Alembic requires an upgrade() in every file.
            default = [] if self.database.bind is None else [render_functions("", [], [], None)]
            rendered = render_file(self.header, [*default, functions])
            script = self.staged.write(rendered.text)
            try:
                runtime.run(self.database, script, self.outcome.revision, upgrade=True)
            except MigrationError as error:
                self._replace_failed_source(error, rendered)
            else:
                if not self._replace_differing_sources():
                    return functions
            self.database.reset()

    def _render(self) -> RenderedCode:
        rendered: list[RenderedCode] = []

        def render(_heads: Any, migration: MigrationContext) -> list[Any]:
            metadata = self.outcome.sources.metadata()
            steps = compose_operations(migration, self.outcome, metadata, self.dialects)
            context = portable_context(migration, metadata)
            rendered.append(render_functions(binds.suffix(self.database.bind), *steps, context))
            return []

        runtime.look(self.database, self.staged.script, render)
        return rendered[0]

    def _replace_failed_source(self, error: MigrationError, rendered: RenderedCode) -> None:
        """Choose the next source of the table, or of its rows, at whose line the upgrade stopped."""
        line = find_line(error.__cause__ or error, self.staged.baseline)
        step = rendered.steps.get(line) if line else None
        sources = self.outcome.sources
        if step is None or step.key is None:
            is_exhausted = not self._defer_counters()
        elif step.inserts_rows:
            is_exhausted = not self._next_insertion(step.key)
        else:
            is_exhausted = bool(sources.demote([step.key]))
        if is_exhausted:
            reason = error.message.partition(f" {self.database.after_failure}")[0]
            raise MigrationError(
                f"The baseline does not work, and nothing was changed. {reason} "
                "Use --upto to fold only the revisions before the one that added this."
            ) from error
        self.failures += 1
        if self.failures > MAX_MODEL_FAILURES:
            sources.demote([key for key, source in sources.chosen.items() if source is Source.MODEL])

    def _defer_counters(self) -> bool:
        """Take the counters out until the schemas are equal; return False if that has been done before.

        On PostgreSQL, the sequence of a renamed table has its old name. Only the comparison shows that.
        """
        if self.has_deferred_counters or not self.outcome.counters:
            return False
        self.outcome.counters.clear()
        self.has_deferred_counters = True
        return True

    def _replace_differing_sources(self) -> bool:
        """Compare the result; choose the next source for what differs and return whether anything does.

        Raises MigrationError if something differs that has no other source.
        """
        before, now = self.outcome.state, read_current_state(self.database)
        sources = self.outcome.sources
        differences = describe_differences(before, now)
        keys = {table_title(key): key for key in sources.tables}
        changed = [keys[title] for title in differences if title in keys]
        exhausted = sources.demote(changed)
        unresolved = [differences[table_title(key)] for key in exhausted]
        unresolved += [lines for title, lines in differences.items() if title not in keys]
        is_different = bool(differences)
        for key in before.rows.keys() | now.rows.keys():
            if table_title(key) not in differences and before.rows.get(key) != now.rows.get(key):
                is_different = True
                if not self._next_insertion(key):
                    unresolved.append([f"the rows of {table_title(key)} are not the same"])
        behind = {name: sql for name, sql in before.counters.items() if now.counters.get(name) != sql}
        if not is_different and (behind or now.counters.keys() - before.counters.keys()):
            is_different = True
            if not behind.keys() - self.outcome.counters.keys():
                unresolved.append(["the counters of generated keys are not the same"])
            self.outcome.counters.update(behind)
        raise_differences(unresolved, "the baseline would not create the same schema")
        return is_different

    def _next_insertion(self, key: TableKey) -> bool:
        """Choose the next operation that inserts the rows of this table; return False if there is none."""
        alternatives = self.outcome.rows.get(key, [])
        if len(alternatives) > 1:
            del alternatives[0]
            return True
        return False


def compose_operations(
    migration: MigrationContext,
    outcome: Outcome,
    metadata: MetaData,
    dialects: tuple[str, ...],
) -> tuple[list[Step], list[Step]]:
    """Return the steps of upgrade() and of downgrade().

    :param migration: the context of an empty database.
    :param metadata: the tables to create.
    :param dialects: if given, SQL statements are only executed on these.
    """
    sources, database = outcome.sources, Comparison.of(migration).database

    def sql(statements: Iterable[str]) -> RawSQLOp:
        return RawSQLOp([*statements], dialects)

    # Suppress the advice that autogenerate writes for tables with rows: these tables are new.
    columns = [column for table in metadata.tables.values() for column in table.columns]
    migration.opts["advice"] = {f"{column.table.fullname}.{column.name}" for column in columns}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        produced: Any = produce_migrations(migration, metadata)
    migration.opts["target_metadata"] = metadata
    up = sort_operations([item for item in produced.upgrade_ops.ops if not _creates_schema(item)])
    down = sort_operations([item for item in produced.downgrade_ops.ops if not _creates_schema(item)])
    # Rows in the order of their tables: the foreign keys that are created with a table exist already.
    tables = [_key(operation) for operation in up if isinstance(operation, ops.CreateTableOp)]
    inserts = {key: outcome.rows[key][0] for key in tables if key in outcome.rows}
    rows = {
        key: sql(insert.statements) if isinstance(insert, RawSQLOp) else insert
        for key, insert in inserts.items()
    }
    enums = sorted((item for item in up if isinstance(item, EnumTypeOp)), key=lambda item: str(item.key))
    objects = _without_enums({enum.key for enum in enums}, outcome.state.objects)
    first = [item for item in objects if item.early and item.kind in FIRST_KINDS]
    early = [item for item in objects if item.early and item not in first]
    late = [item for item in objects if not item.early]
    counters = [statement for _, statement in sorted(outcome.counters.items())]
    upgrade = [
        *(Step(sql(item.create)) for item in first),
        *(Step(enum) for enum in enums),
        *(Step(sql(item.create)) for item in early),
        *_create_tables(up, sources, dialects),
        *(Step(insert, key, inserts_rows=True) for key, insert in rows.items()),
        *(
            (Step(operation, key) for key, operation in reset_counters(metadata, rows))
            if database.counts_given_keys
            else ()
        ),
        *(Step(operation, _key(operation)) for operation in up if _is_deferred_key(operation, sources)),
        *(Step(sql(item.create)) for item in late),
        *([Step(RawSQLOp(counters, database.dialects))] if counters else []),
    ]
    # Tables that are created, and dropped, by the statement of another one.
    dependent = {key for key, statements in sources.sql.items() if not statements}
    downgrade = [
        *(Step(sql([item.drop])) for item in reversed(late) if item.drop),
        *(Step(item) for item in down if not isinstance(item, EnumTypeOp) and _key(item) not in dependent),
        *(Step(sql([item.drop])) for item in reversed(early) if item.drop),
        *(Step(item) for item in down if isinstance(item, EnumTypeOp)),
        *(Step(sql([item.drop])) for item in reversed(first)),
    ]
    return upgrade, downgrade


def _create_tables(up: list[Any], sources: Sources, dialects: tuple[str, ...]) -> Iterator[Step]:
    """Yield the operations that create each table and its indexes."""
    for create in up:
        if not isinstance(create, ops.CreateTableOp):
            continue
        key = _key(create)
        items: list[Any] = [*create.columns]
        if sources.chosen[key] is Source.SQL:
            if sources.sql[key]:
                names = {str(item.name) for item in items}
                deferred = [name for name in sources.foreign_keys(key) if name not in names]
                statements = _without_foreign_keys(sources.sql[key], deferred)
                yield Step(RawSQLOp(statements, dialects), key)
            continue
        create.columns = sort_columns(items, sources.columns[key])
        yield Step(create, key)
        for table in up:
            if isinstance(table, ops.ModifyTableOps) and _key(table) == key:
                yield from (Step(item, key) for item in table.ops if isinstance(item, ops.CreateIndexOp))


def _is_deferred_key(operation: Any, sources: Sources) -> bool:
    """Whether it adds a foreign key that closes a cycle of tables and that the SQL of its table lacks."""
    keys = [item for item in getattr(operation, "ops", ()) if isinstance(item, ops.CreateForeignKeyOp)]
    key = _key(operation)
    if keys and sources.chosen[key] is Source.SQL:
        names = [str(item.constraint_name) for item in keys]
        return _without_foreign_keys(sources.sql[key], names) != sources.sql[key]
    return bool(keys)


def _without_enums(keys: set[Any], objects: list[SchemaObject]) -> list[SchemaObject]:
    """Return the objects without the enum types that operations create already."""
    names = {".".join(part for part in key if part) for key in keys}
    return [item for item in objects if item.kind != "enum" or item.name not in names]


def _without_foreign_keys(statements: list[str], names: list[str]) -> list[str]:
    """Remove these foreign keys from the statements that create a table.

    On SQLite they stay: a table may refer to one that does not exist yet.
    """
    for name in names:
        pattern = rf'(ALTER TABLE \S+ ADD )?\s*CONSTRAINT [`"]?{re.escape(name)}[`"]? FOREIGN KEY'
        statements = [_without_line(sql, pattern) for sql in statements if not re.match(pattern, sql)]
    return statements


def _without_line(sql: str, pattern: str) -> str:
    lines = sql.split("\n")
    if not sql.startswith("CREATE TABLE `"):  # MariaDB writes each constraint on a line of its own
        return sql
    kept = [line for line in lines if not re.match(pattern, line)]
    if len(kept) < len(lines) and kept[-1].startswith(")"):
        kept[-2] = kept[-2].rstrip(",")
    return "\n".join(kept)


def _creates_schema(operation: Any) -> bool:
    statements = [*getattr(operation, "statements", ()), *getattr(operation, "back", ())]
    return any(sql.startswith("CREATE SCHEMA ") for sql in statements)


def _key(operation: Any) -> TableKey:
    return getattr(operation, "schema", None), getattr(operation, "table_name", "")
