"""Create a revision from the changes in the models, and verify it with a round trip."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.autogenerate import RevisionContext
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import load_python_file

from .. import output, runtime, settings, verification
from ..autogenerate.unimported_models import describe_unimported_models
from ..backends.base import Database
from ..code_style import format_file
from ..context import RunContext
from ..errors import UsageError
from ..revisions import files, manifest
from ..runtime import binds
from ..runtime.checks import refuse_several_heads
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config
from .verification import Proof, describe_proof, explain_failed_proof, prove_and_report

T = TypeVar("T")


@dataclass(frozen=True)
class RevisionResult:
    """A revision that was written, or verified again."""

    revision: str
    message: str
    path: Path
    # The result of the round trip for each database that the revision changes.
    proofs: tuple[Proof, ...] = ()


def new_revision(
    message: str,
    *,
    renames: Mapping[str, str] | None = None,
    renamed_tables: Mapping[str, str] | None = None,
    drop: Iterable[str] = (),
    defaults: Mapping[str, str] | None = None,
) -> RevisionResult | None:
    """Write a revision from the difference between models and revisions, and verify it with a round trip.

    Return None if there is no difference. Example::

        api.new_revision("full names", renames={"users.name": "full_name"})

    :param message: a short description of the change. It is also used for the name of the file.
    :param renames: the new name of each renamed column, by table.column.
    :param renamed_tables: the new name of each renamed table, by its old name.
    :param drop: tables and columns that may be dropped, including their values.
    :param defaults: the value for existing rows, by table.column.
    :raises MigrationError: if a difference is ambiguous and not answered, or if the round trip fails. In the
        latter case the file is kept.
    """
    message = message.strip()
    if not message:
        raise UsageError('Say in a few words what changes: `flask db new -m "add users.phone"`.')
    script = runtime.directory()
    refuse_several_heads(script, "make the new one")
    answers = [f"rename={old}:{new}" for old, new in (renames or {}).items()]
    answers += [f"rename-table={old}:{new}" for old, new in (renamed_tables or {}).items()]
    answers += [f"drop={name}" for name in drop]
    answers += [f"default={column}={value}" for column, value in (defaults or {}).items()]
    return write_revision(script, message, answers)


def write_revision(script: ScriptDirectory, message: str, answers: list[str]) -> RevisionResult | None:
    """Write a revision. `answers` has the format of `-x`: rename=users.name:full_name."""
    config = alembic_config("autogenerate", "quiet", x=answers)
    with ExitStack() as stack:
        shadows: dict[str | None, Database] = {}
        for database in binds.databases():
            with one_sentence(database):
                shadows[database.bind] = stack.enter_context(runtime.shadow(database, script))
        RunContext.of(config).shadows = shadows
        written = _generate(config, script, message)
        if not written:
            report_nothing_to_migrate()
            return None
        path = Path(written.path)
        format_file(path, fix="I")
        output.line(f"Wrote {settings.active().relative(path)}")
        files.require_consistent(script)
        written.module = load_python_file(str(path.parent), path.name)  # ruff has moved its lines
        manifest.add(script)
        proofs = _prove(written, script, shadows)
    output.line("Read it, then apply it with `flask db upgrade`.")
    return RevisionResult(written.revision, message, path, proofs)


def report_nothing_to_migrate() -> None:
    """Also name the models that are in no imported file: most often one of them is what is missing."""
    output.line("Nothing to migrate: the revisions and the models agree. No file was written.")
    for sentence in describe_unimported_models():
        output.notice(f"{sentence}.")


def _generate(config: Config, script: ScriptDirectory, message: str) -> Script | None:
    """Like ``alembic.command.revision(autogenerate=True)``, which would load all revisions a second time."""
    arguments = dict.fromkeys(["rev_id", "branch_label", "version_path", "depends_on"])
    arguments |= {"message": message, "autogenerate": True, "sql": False, "head": "head", "splice": False}
    script.messaging_opts = config.messaging_opts  # no "Generating …  done"
    revision = RevisionContext(config, script, arguments)

    def compare(heads: Any, migration: MigrationContext) -> list[Any]:
        revision.run_autogenerate(heads, migration)
        return []

    with EnvironmentContext(
        config, script, fn=compare, template_args=revision.template_args, revision_context=revision
    ):
        script.run_env()
    return next(iter(list(revision.generate_scripts())), None)


def new_data_revision(message: str, column: str = "1") -> RevisionResult:
    """Write a revision that changes rows in batches. The new values have to be added to the file by hand.

    Example::

        api.new_data_revision("fill full names", "users.full_name")

    :param message: a short description of the change.
    :param column: the table.column to fill, or "1" for placeholder names.
    """
    message = message.strip()
    if not message:
        raise UsageError('Say in a few words what changes: `flask db new -m "fill users.nick" --data 1`.')
    refuse_several_heads(runtime.directory(), "make the new one")
    config = alembic_config("quiet")
    RunContext.of(config).data = _parse_backfill(column)
    written: Any = command.revision(config, message)
    path = Path(written.path)
    format_file(path, fix="I")
    manifest.add(runtime.directory())
    output.line(
        f"Wrote {settings.active().relative(path)}\n"
        "Say in it what the rows get (VALUES) and which ones (TODO), then prove it: `flask db new --prove`"
    )
    return RevisionResult(written.revision, message, path)


@dataclass
class Backfill:
    """The table and column that a data revision changes, for script.py.mako."""

    table: str = "your_table"
    column: str = "your_column"
    schema: str | None = None
    key: str = "id"
    columns: list[str] = field(default_factory=lambda: ["id", "your_column"])
    suffix: str = ""  # of the functions, for a bind other than the default


def _parse_backfill(target: str) -> Backfill:
    """Parse the value of `--data`: TABLE.COLUMN of a model, or 1 for placeholder names."""
    if target == "1":
        return Backfill()
    name, _, column = target.rpartition(".")
    known = {database.bind: binds.metadata(database.bind).tables for database in binds.databases()}
    bind = next((bind for bind, tables in known.items() if name in tables), None)
    table = known[bind].get(name) if bind in known else None
    if table is None or column not in table.columns:
        raise UsageError(
            f"data=TABLE.COLUMN names a column of the models, which have no {target}; or data=1."
        )
    # The first column of a key is enough: a batch contains all rows between two of its values.
    key = next(iter(table.primary_key.columns), table.columns[0])
    return Backfill(
        table.name,
        column,
        table.schema,
        key.name,
        [each.name for each in table.columns],
        binds.suffix(bind),
    )


def prove_newest() -> RevisionResult | None:
    """Verify the newest revision again after an edit, and update migrations/HEAD.

    Return None if the only revision was deleted: then migrations/HEAD no longer lists it.
    """
    script = runtime.directory()
    refuse_several_heads(script, "make the new one")
    head = script.get_current_head()
    if head is None and manifest.load(script):
        manifest.write(script)
        output.line("No revision is left: migrations/HEAD lists none now.")
        return None
    if head is None:
        raise UsageError('There is no revision to prove yet: `flask db new -m "…"` writes the first.')
    newest = script.get_revision(head)
    proofs: tuple[Proof, ...] = ()
    if newest.is_merge_point:
        output.line(f"{Path(newest.path).name} joins two branches: `flask db verify` runs it.")
    else:
        proofs = _prove(newest, script, {})
    manifest.write(script)
    return RevisionResult(newest.revision, newest.doc, Path(newest.path), proofs)


def run_written(revision: Script, script: ScriptDirectory) -> None:
    """Run a revision that Flask-Migrate's `migrate` has written: up, down and up again, with rows.

    Unlike `flask db new`, it does not require that the models match afterwards: a hook of the application may
    have left something out on purpose.

    :raises MigrationError: if the round trip fails. The file is kept.
    """
    if len(script.get_heads()) > 1 or revision.is_merge_point:
        output.notice("It was not run: there are several heads. Join them, then `flask db verify` runs it.")
        return

    def run(shadow: Database) -> str | None:
        trip = verification.RoundTrip(shadow, script, revision)
        with explain_failed_proof():
            trip.run()
        return trip.irreversible_reason

    for reason in _on_shadows(run, revision, script, {}):
        output.line(f"Proved: {describe_proof(reason)} on a shadow database with rows.")


def _prove(
    revision: Script, script: ScriptDirectory, shadows: dict[str | None, Database]
) -> tuple[Proof, ...]:
    """Verify the revision on each database that it changes. `shadows` are those that were just compared."""

    def prove(shadow: Database) -> Proof:
        return prove_and_report(shadow, script, revision, compared=bool(shadows))

    return tuple(_on_shadows(prove, revision, script, shadows))


def _on_shadows(
    run: Callable[[Database], T],
    revision: Script,
    script: ScriptDirectory,
    shadows: dict[str | None, Database],
) -> list[T]:
    """Call `run` with a shadow database at the parent of the revision, for each database that it changes."""
    results = []
    for database in binds.databases():
        if not binds.touches(revision.module, database.bind):
            continue
        if label := binds.prefix(database):
            output.line(label.rstrip())
        with ExitStack() as stack, one_sentence(database):
            if not (shadow := shadows.get(database.bind)):
                parent = str(revision.down_revision or "base")
                shadow = stack.enter_context(runtime.shadow_at(database, script, parent))
            results.append(run(shadow))
    return results
