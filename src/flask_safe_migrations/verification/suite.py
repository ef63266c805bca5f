"""The checks of `flask db verify`. What was in order before, and has not changed since, is not run again."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from alembic.script import Script, ScriptDirectory

from .. import runtime, safety, settings
from ..backends.base import Database
from ..errors import MigrationError
from ..revisions import files, manifest
from ..runtime import binds, differences
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config, unchecked
from .cache import Verified
from .offline_sql import unrendered
from .registered_models import unregistered
from .shadow_walk import Walk
from .unnamed_constraints import unnamed

SIGNS = {True: "✓", False: "✗", None: "-"}


@dataclass
class Check:
    name: str
    ok: bool | None = None  # None: not looked at, because of what stands above it
    details: list[str] = field(default_factory=list)
    # What is in order, and good to know.
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [line for detail in [*self.details, *self.notes] for line in detail.splitlines()]
        return "\n    ".join([f"{SIGNS[self.ok]} {self.name}", *lines])

    def found(self, problems: list[str]) -> bool:
        self.details += problems
        self.ok = not self.details
        return self.ok


class Verification:
    def __init__(self, databases: list[Database]) -> None:
        self.databases = databases
        self.verified = Verified()
        self.files = Check("the files in versions/ fit together")
        self.heads = Check("there is one newest revision")
        self.listed = Check("migrations/HEAD lists them as they are")
        self.proved = Check("every revision runs up, down and up again, with rows")
        self.safe = Check("nothing dangerous without a reason")
        self.models = Check("the models match the revisions")
        self.named = Check("every constraint has a name")
        self.rendered = Check("`flask db sql` can print every revision")
        self.registered = Check("every model is in models/")

    def run(self) -> list[Check]:
        script = ScriptDirectory.from_config(alembic_config())  # not runtime.directory(): that would raise
        if self.files.found(files.problems(script)):
            self.script = runtime.directory()
            heads = [self.script.get_revision(head) for head in self.script.get_heads()]
            names = " and ".join(sorted(Path(head.path).name for head in heads))
            two = [f"{names}: `flask db rebase` puts yours on top of theirs"] if len(heads) > 1 else []
            self.skipped = unchecked(self.script)
            safety.get_disabled_rules()
            if manifest.path(self.script).exists():
                self.listed.found(manifest.problems(self.script))
            else:  # a project that was not made with it
                self.listed.ok = True
                self.listed.notes.append("there is none yet: it is written with the next revision")
            if self.heads.found(two):
                self._look_at(heads)
        self.registered.found(self._once("registered", lambda: unregistered(settings.active().import_name)))
        return [check for check in vars(self).values() if isinstance(check, Check)]

    def _look_at(self, heads: list[Script]) -> None:
        digests = {database: runtime.fingerprints(database, self.script) for database in self.databases}
        for database in self.databases:
            with one_sentence(database), ExitStack() as stack:
                walk = Walk(database, self.script, stack)
                self._prove(walk, digests[database])
                if self.proved.ok:
                    self._compare(walk, digests[database], heads)
        if self.proved.ok:
            self._render(list(digests.values()))

    def _prove(self, walk: Walk, digests: dict[str, str]) -> None:
        """Run the revisions that have not been proved yet; stop at the first that fails."""
        unproved, dangerous = [], []
        if self.skipped and not self.proved.notes:
            number = len(self.skipped)
            what = "1 revision is" if number == 1 else f"{number} revisions are"
            last = settings.active().check_after
            self.proved.notes.append(f"{what} not judged: up to {last}, which MIGRATION_CHECK_AFTER names")
        told = binds.told(walk.database)
        for revision in files.in_order(self.script):
            digest = digests[revision.revision]
            if revision.revision in self.skipped or digest in self.verified:
                continue
            if not binds.touches(revision.module, walk.database.bind):
                continue
            path = Path(revision.path)
            try:
                walk.prove(revision)
            except MigrationError as error:
                unproved.append(f"{told}{error.message}")
            findings = safety.find_warnings(walk.recorded, walk.database, path)
            refused = [f"{told}{path.name}, {finding}" for finding in findings if not finding.accepted]
            dangerous += refused
            if unproved:
                break
            if not refused:
                self.verified.add(digest)
        self.proved.found(unproved)
        if self.proved.ok or dangerous:
            self.safe.found(dangerous)

    def _compare(self, walk: Walk, digests: dict[str, str], heads: list[Script]) -> None:
        metadata = binds.metadata(walk.database.bind)
        newest = [digests[head.revision] for head in heads]
        after = settings.active().check_after
        wanted = files.digest(
            [*newest, differences.fingerprint(metadata, walk.database), *([after] if after else [])]
        )
        if wanted in self.verified:
            self.models.found([])
            self.named.found([])
            return
        shadow = walk.at_heads()
        told = binds.told(walk.database)
        differing = differences.from_models(shadow, self.script, differences.every)
        with shadow.connect() as connection:
            nameless = unnamed(connection, metadata, shadow.internal_tables)
        if nameless and self.skipped:
            known = self._unnamed_before(walk.database)
            nameless = [constraint for constraint in nameless if constraint not in known]
        self.models.found([f"{told}{difference}" for difference in differing])
        self.named.found([f"{told}{constraint}" for constraint in nameless])
        if not differing and not nameless:
            self.verified.add(wanted)

    def _unnamed_before(self, database: Database) -> set[str]:
        """Return what had no name when MIGRATION_CHECK_AFTER was the newest revision."""
        heads = [each for each in self.skipped if self._is_last_skipped(each)]
        with database.shadow() as old:
            for head in heads:
                runtime.build(old, self.script, head)
            with old.connect() as connection:
                return set(unnamed(connection, binds.metadata(database.bind), old.internal_tables))

    def _is_last_skipped(self, name: str) -> bool:
        return not self.script.get_revision(name).nextrev & self.skipped

    def _render(self, of_each: list[dict[str, str]]) -> None:
        """Print the SQL of what has not been printed yet, for all databases."""
        new = {}
        for revision in files.in_order(self.script):
            if revision.revision in self.skipped:
                continue
            digest = files.digest(["sql", *(digests[revision.revision] for digests in of_each)])
            if digest not in self.verified:
                new[digest] = revision
        if not new:
            self.rendered.ok = True
        elif self.rendered.found(unrendered(list(new.values()))):
            for digest in new:
                self.verified.add(digest)

    def _once(self, name: str, look: Callable[[], list[str]]) -> list[str]:
        package = settings.active().package_folder
        wanted = files.digest([name, files.code_digest(package)])
        if wanted in self.verified:
            return []
        found = look()
        if not found:
            self.verified.add(wanted)
        return found
