"""The checks of `flask db verify`. What has passed before and has not changed since is not checked again."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from sqlalchemy.exc import DBAPIError

from .. import output, runtime, safety, settings
from ..adopt.comparison import compare_at_head
from ..autogenerate.unimported_models import describe_unimported_models
from ..backends.base import Database
from ..errors import MigrationError
from ..revisions import files, manifest
from ..runtime import binds
from ..runtime.checks import list_head_files
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config, stored_heads, unchecked
from ..runtime.runner import compute_models_digest
from .checks import find_offline_errors, find_unnamed_constraints, find_unregistered_models
from .round_trip import ShadowWalk

LINE = re.compile(r"\bline (\d+)")
CACHE_SIZE = 20_000  # digests; enough for many branches
SIGNS = {True: "✓", False: "✗", None: "-"}


@dataclass(frozen=True)
class Problem:
    """What a check has found.

    :param message: one or more lines.
    :param path: the file of the revision, and the line, if it is about one.
    :param accepted: whether a `# safe:` comment accepts it. Then it is no problem, but listed.
    """

    message: str
    path: Path | None = None
    line: int | None = None
    accepted: bool = False


@dataclass
class Check:
    """The result of one check.

    :param id: its name for programs, which stays the same.
    :param ok: whether it passed; None where it did not run, because a check before it failed.
    :param notes: what is not a problem, but good to know.
    """

    id: str
    name: str
    ok: bool | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def details(self) -> list[str]:
        """The messages of the problems, each of one or more lines."""
        return [problem.message for problem in self.problems]

    def __str__(self) -> str:
        lines = [line for detail in [*self.details, *self.notes] for line in detail.splitlines()]
        return "\n    ".join([f"{SIGNS[self.ok]} {self.name}", *lines])

    def add_problems(self, problems: Sequence[str | Problem]) -> bool:
        """Add the problems of one run, which may be none; return whether there are none so far."""
        self.problems += [Problem(each) if isinstance(each, str) else each for each in problems]
        self.ok = all(problem.accepted for problem in self.problems)
        return self.ok


def _locate(message: str, path: Path) -> Problem:
    """Return a problem of this file, at the line that the message names."""
    found = LINE.search(message)
    return Problem(message, path, int(found[1]) if found else None)


def _locate_by_name(message: str, script: ScriptDirectory) -> Problem:
    """Return a problem of the first revision file that the message names."""
    for path in files.paths(script):
        if re.search(rf"(?<![\w-]){re.escape(path.name)}\b", message):
            return _locate(message, path)
    return Problem(message)


class VerifiedCache:
    """The digests of what `flask db verify` has passed, in instance/verified.json."""

    def __init__(self) -> None:
        self.path = settings.active().instance_folder / "verified.json"
        self.digests: dict[str, str] = {}
        with suppress(OSError, ValueError):  # missing or damaged: then everything is checked
            self.digests = dict(json.loads(self.path.read_text(encoding="utf-8")))

    def __contains__(self, digest: str) -> bool:
        return digest in self.digests

    def add(self, digest: str) -> None:
        """Store the digest at once, so that an interrupted run keeps what it has verified."""
        self.digests.pop(digest, None)
        self.digests[digest] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        newest = dict(list(self.digests.items())[-CACHE_SIZE:])
        new = self.path.with_name(f"{self.path.name}.new")
        with suppress(OSError):  # a folder that is not writable only costs time
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(newest, indent=0), encoding="utf-8")
            new.replace(self.path)


class Verification:
    """Runs all checks on all databases."""

    def __init__(self, databases: list[Database]) -> None:
        self.databases = databases
        self.cache = VerifiedCache()
        self.files = Check("files", "the revision files are consistent")
        self.heads = Check("heads", "there is one head")
        self.manifest = Check("manifest", "migrations/HEAD matches the revision files")
        self.round_trips = Check("round_trips", "every revision runs up, down and up again, with rows")
        self.warnings = Check("warnings", "no warning without a `# safe:` reason")
        self.models = Check("models", "the models match the revisions")
        self.constraint_names = Check("constraint_names", "every constraint has a name")
        self.offline_sql = Check("offline_sql", "`flask db sql` can print every revision")
        self.applied = Check("applied", "a database at the newest revision has its schema")
        self.registered_models = Check("registered_models", "every model is imported")

    def run(self) -> Iterator[Check]:
        """Run all checks, in the order above; yield each one as soon as its result is known."""
        self.script = ScriptDirectory.from_config(alembic_config())  # runtime.directory() would raise
        found = files.find_problems(self.script)
        if self.files.add_problems([_locate_by_name(text, self.script) for text in found]):
            self._check_directory()
        yield from (self.files, self.heads, self.manifest)
        yield from self._check_databases() if self.heads.ok else (self.round_trips, self.warnings)
        yield from (self.models, self.constraint_names)
        if self.round_trips.ok:
            self._check_offline_sql()
        yield self.offline_sql
        if self.applied.ok is not None:  # only where there is such a database, which is not in CI
            yield self.applied
        self.registered_models.add_problems(
            self._check_once("registered", lambda: find_unregistered_models(settings.active().import_name))
        )
        if self.registered_models.ok:  # a project without models/ may keep files that are no longer used
            self.registered_models.notes += describe_unimported_models()
        yield self.registered_models

    def _check_directory(self) -> None:
        """Compare the files with migrations/HEAD, and look for a second head."""
        names = list_head_files(self.script)
        two = [f"{' and '.join(names)}: `flask db rebase` puts yours on top of theirs"] if names[1:] else []
        self.unchecked = unchecked(self.script)
        safety.get_disabled_rules()  # raises an error for a wrong setting before anything runs
        if manifest.path(self.script).exists():
            found = manifest.find_problems(self.script)
            self.manifest.add_problems([_locate_by_name(text, self.script) for text in found])
        else:  # a project that was not generated from the template
            self.manifest.ok = True
            self.manifest.notes.append("there is none yet: it is written with the next revision")
        self.heads.add_problems([_locate_by_name(text, self.script) for text in two])

    def _check_databases(self) -> Iterator[Check]:
        """Run the revisions on each database; yield what this proves before the schema is compared."""
        self.digests = {each: runtime.fingerprints(each, self.script) for each in self.databases}
        for database in self.databases:
            with one_sentence(database), ExitStack() as stack:
                walk = ShadowWalk(database, self.script, stack)
                self._check_revisions(walk)
                if database is self.databases[-1]:
                    yield from (self.round_trips, self.warnings)
                if self.round_trips.ok:
                    self._check_schema(walk)
                if self.models.ok:
                    self._check_applied(walk)

    def _check_revisions(self, walk: ShadowWalk) -> None:
        """Run the revisions that have not been verified yet; stop at the first that fails."""
        failures: list[Problem] = []
        warnings: list[Problem] = []
        if self.unchecked and not self.round_trips.notes:
            number = len(self.unchecked)
            what = "1 revision is" if number == 1 else f"{number} revisions are"
            last = settings.active().check_after
            self.round_trips.notes.append(
                f"{what} not judged: up to {last}, which MIGRATION_CHECK_AFTER names"
            )
        prefix = binds.prefix(walk.database)
        pending = self._list_unverified(walk.database)
        for number, (digest, revision) in enumerate(pending.items()):
            name = f"{prefix}{revision.revision} ({revision.doc})"
            output.progress(name, number, len(pending), "revisions")
            path = Path(revision.path)
            try:
                walk.verify(revision)
            except MigrationError as error:
                failures.append(_locate(f"{prefix}{error.message}", path))
            findings = safety.find_warnings(walk.recorded, walk.database, path)
            unaccepted = [
                Problem(f"{prefix}{path.name}, {finding}", path, finding.line or None)
                for finding in findings
                if not finding.accepted
            ]
            warnings += unaccepted
            if (failures or unaccepted) and revision.nextrev:
                self._mention_check_after(self.round_trips if failures else self.warnings)
            if failures:
                break
            if not unaccepted:
                self.cache.add(digest)
        self.round_trips.add_problems(failures)
        if self.round_trips.ok or warnings:
            self.warnings.add_problems(warnings)

    def _mention_check_after(self, check: Check) -> None:
        """An older revision does not pass: the project may be older than this library."""
        head = self.script.get_current_head()
        note = f'are these revisions older than this library? then set MIGRATION_CHECK_AFTER = "{head}"'
        if not settings.active().check_after and note not in check.notes:
            check.notes.append(note)

    def _list_unverified(self, database: Database) -> dict[str, Script]:
        """Return the revisions that change this database and were not verified before, by their digests."""
        digests = self.digests[database]
        return {
            digests[revision.revision]: revision
            for revision in files.sort_revisions(self.script)
            if revision.revision not in self.unchecked
            and digests[revision.revision] not in self.cache
            and binds.touches(revision.module, database.bind)
        }

    def _check_schema(self, walk: ShadowWalk) -> None:
        """Compare the schema at the heads with the models, and look for constraints without a name."""
        metadata = binds.metadata(walk.database.bind)
        newest = [self.digests[walk.database][head] for head in self.script.get_heads()]
        after = settings.active().check_after
        digest = files.digest(
            [*newest, compute_models_digest(metadata, walk.database), *([after] if after else [])]
        )
        if digest in self.cache:
            self.models.add_problems([])
            self.constraint_names.add_problems([])
            return
        prefix = binds.prefix(walk.database)
        output.progress(f"{prefix}comparing the models with the revisions")
        shadow = walk.upgrade_to_heads()
        differing = safety.find_model_differences(shadow, self.script)
        unnamed = find_unnamed_constraints(shadow, self.script)
        if unnamed and self.unchecked:
            known = self._find_unnamed_before(walk.database)
            unnamed = [constraint for constraint in unnamed if constraint not in known]
        self.models.add_problems([f"{prefix}{difference}" for difference in differing])
        is_refused = any("`flask db revision" in difference for difference in differing)  # it says what to do
        if differing and not is_refused and not self.models.notes:
            self.models.notes.append('`flask db new -m "…"` writes the revision that does this')
        self.constraint_names.add_problems([f"{prefix}{constraint}" for constraint in unnamed])
        if not differing and not unnamed:
            self.cache.add(digest)

    def _check_applied(self, walk: ShadowWalk) -> None:
        """Compare the database itself with the models, if it answers and is at the head.

        It may differ from a new one: stock Alembic narrows types on MariaDB, and people change it by hand.
        """
        database = walk.database
        newest = sorted(self.script.get_heads())
        with suppress(DBAPIError):  # the shadow database may be on another server
            if newest and database.exists() and sorted(stored_heads(database)) == newest:
                with database.connect() as connection:
                    schema = sorted(
                        f"{name} {item.text}" for name, item in database.schema(connection).items()
                    )
                digests = (self.digests[database][revision] for revision in newest)
                digest = files.digest(["applied", *digests, *schema])
                found = [] if digest in self.cache else self._find_applied_differences(walk)
                self.applied.add_problems(found)
                if not found:
                    self.cache.add(digest)

    def _find_applied_differences(self, walk: ShadowWalk) -> list[str]:
        prefix = binds.prefix(walk.database)
        output.progress(f"{prefix}comparing {walk.database} with the revisions")
        found = compare_at_head(walk.database, self.script, walk.upgrade_to_heads())
        problems = found.differences
        if renames := found.renames:
            count = f"{len(renames)} constraint{'s' * (len(renames) != 1)}"
            problems.append(
                f"{count} not named as in the revisions ({renames[0]}): `flask db adopt` renames them"
            )
        return [f"{prefix}{walk.database}: {problem}" for problem in problems]

    def _find_unnamed_before(self, database: Database) -> set[str]:
        """Return the constraints that had no name at the revision in MIGRATION_CHECK_AFTER."""
        heads = filter(self._is_last_unchecked, self.unchecked)
        with runtime.shadow_at(database, self.script, ",".join(sorted(heads))) as shadow:
            return set(find_unnamed_constraints(shadow, self.script))

    def _is_last_unchecked(self, revision: str) -> bool:
        return not self.script.get_revision(revision).nextrev & self.unchecked

    def _check_offline_sql(self) -> None:
        """Print the SQL of the revisions for which that has not passed yet, for all databases."""
        unverified = {}
        for revision in files.sort_revisions(self.script):
            if revision.revision in self.unchecked:
                continue
            digest = files.digest(["sql", *(digests[revision.revision] for digests in self.digests.values())])
            if digest not in self.cache:
                unverified[digest] = revision
        if not unverified:
            self.offline_sql.ok = True
            return
        output.progress(f"writing the SQL of {len(unverified)} revision{'s' * (len(unverified) != 1)}")
        errors = find_offline_errors(list(unverified.values()))
        if self.offline_sql.add_problems([_locate_by_name(text, self.script) for text in errors]):
            for digest in unverified:
                self.cache.add(digest)

    def _check_once(self, name: str, check: Callable[[], list[str]]) -> list[str]:
        """Run a check of the application's code, unless it has passed for the same code."""
        digest = files.digest([name, files.code_digest(settings.active().package_folder)])
        if digest in self.cache:
            return []
        problems = check()
        if not problems:
            self.cache.add(digest)
        return problems
