"""Detect renamed columns and tables. A drop and an add may be a rename; the developer is always asked.

The rename is applied to the shadow database, and the comparison is repeated. The comparison then finds all
consequences, such as the conventional names of constraints and indexes.
"""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext

from .. import settings
from ..errors import MigrationError
from .answers import Answers, answer_command
from .operations import alter_column, qualified_name
from .unimported_models import find_unimported_models


def resolve_renames(
    migration: MigrationContext, upgrade: ops.UpgradeOps, downgrade: ops.DowngradeOps, answers: Answers
) -> tuple[list[ops.MigrateOperation], list[ops.MigrateOperation]]:
    """Remove the renames from both lists. Return the renames and their reversal.

    The shadow database is restored at the end.
    """
    done: list[ops.MigrateOperation] = []
    refused: set[tuple[str, str]] = set()
    operations = Operations(migration)
    try:
        while found := _next_rename(migration, upgrade.ops, answers, refused):
            operations.invoke(found)
            done.append(found)
            again: Any = produce_migrations(migration, migration.opts["target_metadata"])
            upgrade.ops[:], downgrade.ops[:] = again.upgrade_ops.ops, again.downgrade_ops.ops
        _refuse_unconfirmed_drops(upgrade.ops, answers)
    finally:
        back = [_reverse(rename) for rename in reversed(done)]
        for rename in back:
            operations.invoke(rename)
    return done, back


def _next_rename(
    migration: MigrationContext, found: list[Any], answers: Answers, refused: set[tuple[str, str]]
) -> ops.MigrateOperation | None:
    """Return the next confirmed rename. Tables come first, because a renamed table hides its columns."""
    open_questions = []
    for pairs in (_table_candidates(found), _column_candidates(migration, found)):
        candidates = [
            pair
            for pair in sorted(pairs, key=lambda pair: -pair[0])
            if (pair[2], pair[3]) not in refused and not answers.is_dropped(pair[2])
        ]
        for _likeness, option, old, new, rename, _similar in candidates:
            if answers.is_renamed(option, old, new):
                return rename
        for _likeness, option, old, new, rename, similar in candidates:
            if not similar or answers.has_other_name(option, old):
                continue
            name = f"{old.rpartition('.')[0]}.{new}" if option == "rename" else new
            if answers.confirm(f"Did you rename {old} to {name}?"):
                return rename
            refused.add((old, new))
            if not answers.asks:
                open_questions.append((option, old, new))
        if open_questions:
            _refuse_ambiguous(open_questions)
    return None


def _refuse_ambiguous(questions: list[tuple[str, str, str]]) -> None:
    option, old, new = questions[0]
    more = f" ({len(questions) - 1} more such questions follow.)" if len(questions) > 1 else ""
    raise MigrationError(
        f"Was {old} renamed to {new}, or dropped and {new} added? Nothing was written. Renamed, its "
        f"values are kept: {answer_command(f'--{option}', f'{old}:{new}')}. Dropped, they are lost: "
        f"{answer_command('--drop', old)}.{more}"
    )


def _table_candidates(found: list[Any]) -> Iterator[tuple[float, str, str, str, ops.MigrateOperation, bool]]:
    drops = [operation for operation in found if isinstance(operation, ops.DropTableOp)]
    creates = [operation for operation in found if isinstance(operation, ops.CreateTableOp)]
    for drop in drops:
        old = {column.name for column in drop.to_table().columns}
        for create in creates:
            if drop.schema != create.schema:
                continue
            new = {column.name for column in create.to_table().columns}
            shared = len(old & new) / max(len(old | new), 1)
            likeness = shared + _likeness(drop.table_name, create.table_name) / 2
            rename = ops.RenameTableOp(drop.table_name, create.table_name, schema=drop.schema)
            name = qualified_name(drop.schema, drop.table_name)
            yield likeness, "rename-table", name, create.table_name, rename, shared >= 0.5


def _column_candidates(
    migration: MigrationContext, found: list[Any]
) -> Iterator[tuple[float, str, str, str, ops.MigrateOperation, bool]]:
    for table in found:
        if not isinstance(table, ops.ModifyTableOps):
            continue
        drops = [operation for operation in table.ops if isinstance(operation, ops.DropColumnOp)]
        adds = [operation for operation in table.ops if isinstance(operation, ops.AddColumnOp)]
        for drop in drops:
            old = drop.to_column()
            for add in adds:
                new = add.column
                similar = not migration.impl.compare_type(old, new)
                name = qualified_name(table.schema, table.table_name, old.name)
                kind = new.type if similar else old.type
                rename = alter_column(table, old, modify_name=new.name, existing_type=kind)
                yield _likeness(old.name, new.name), "rename", name, str(new.name), rename, similar


def _reverse(rename: Any) -> ops.MigrateOperation:
    """Reverse a rename. Alembic's reverse() loses the name of a column."""
    if isinstance(rename, ops.RenameTableOp):
        return ops.RenameTableOp(rename.new_table_name, rename.table_name, schema=rename.schema)
    return ops.AlterColumnOp(
        rename.table_name,
        rename.modify_name,
        schema=rename.schema,
        modify_name=rename.column_name,
        existing_type=rename.existing_type,
        existing_nullable=rename.existing_nullable,
        existing_server_default=rename.existing_server_default,
        existing_comment=rename.existing_comment,
    )


def _refuse_unconfirmed_drops(found: list[Any], answers: Answers) -> None:
    """Refuse to drop a table without an explicit answer. A model that is not imported looks the same."""
    for drop in found:
        if isinstance(drop, ops.ModifyTableOps):
            for step in drop.ops:
                if isinstance(step, ops.DropColumnOp):  # an answer is accepted even without a question
                    answers.is_dropped(qualified_name(drop.schema, drop.table_name, step.column_name))
        if not isinstance(drop, ops.DropTableOp):
            continue
        name = qualified_name(drop.schema, drop.table_name)
        if not answers.is_dropped(name) and not answers.confirm(
            f"The models no longer have table {name}{_unimported()}. Drop it, with all its rows?"
        ):
            left_alone = f"lambda name, kind, _: (kind, name) != {('table', drop.table_name)}"
            raise MigrationError(
                f"The models no longer have table {name}; nothing was written. If it may go, with all its "
                f"rows: {answer_command('--drop', name)}. If it has a model, import the model"
                f"{_unimported()}. To leave it alone without a model: Migrate(…, include_name={left_alone})."
            )


def _unimported() -> str:
    """Return where the model may be, as the end of a sentence."""
    active = settings.active()
    paths = [str(active.relative(path)) for path in find_unimported_models(active.import_name)]
    return f" (not imported: {', '.join(paths)})" if paths else ""


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
