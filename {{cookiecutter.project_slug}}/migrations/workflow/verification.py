"""The checks of `flask db verify`. What was in order before, and has not changed since, is not run again."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import click
from alembic.script import Script
from flask import current_app

from .. import engines, history, review
from ..engines.base import Database
from ..history import chain, differences, files
from .named import unnamed
from .registered import unregistered
from .rendered import unrendered
from .verified import Verified
from .walk import Walk

SIGNS = {True: "✓", False: "✗", None: "-"}


@dataclass
class Check:
    name: str
    ok: bool | None = None  # None: not looked at, because of what stands above it
    details: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [line for detail in self.details for line in detail.splitlines()]
        return "\n    ".join([f"{SIGNS[self.ok]} {self.name}", *lines])

    def found(self, problems: list[str]) -> bool:
        self.ok = not problems
        self.details += problems
        return self.ok


class Verification:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.verified = Verified()
        self.files = Check("the files in versions/ fit together")
        self.heads = Check("there is one newest revision")
        self.listed = Check("migrations/HEAD lists them as they are")
        self.proved = Check("every revision runs up, down and up again, with rows")
        self.safe = Check("nothing dangerous without a reason")
        self.models = Check("the models match the revisions")
        self.named = Check("every constraint has a name")
        self.rendered = Check("`make sql` can print every revision")
        self.registered = Check("every model is in models/")

    def run(self) -> list[Check]:
        versions = engines.ROOT / "migrations" / "versions"
        if self.files.found(files.problems(versions)):
            self.script = history.directory()
            heads = [self.script.get_revision(head) for head in self.script.get_heads()]
            names = " and ".join(sorted(Path(head.path).name for head in heads))
            two = [f"{names}: `make rebase` puts yours on top of theirs"] if len(heads) > 1 else []
            self.listed.found(chain.problems(self.script))
            if self.heads.found(two):
                self._look_at(heads)
        self.registered.found(self._once("registered", lambda: unregistered(current_app.import_name)))
        return [check for check in vars(self).values() if isinstance(check, Check)]

    def _look_at(self, heads: list[Script]) -> None:
        self.digests = history.fingerprints(self.database, self.script)
        with ExitStack() as stack:
            self.walk = Walk(self.database, self.script, stack)
            self._prove()
            if self.proved.ok:
                self._compare(heads)
        if self.proved.ok:
            self._render()

    def _prove(self) -> None:
        """Run the revisions that have not been proved yet; stop at the first that fails."""
        unproved, dangerous = [], []
        for revision in files.in_order(self.script):
            digest = self.digests[revision.revision]
            if digest in self.verified:
                continue
            path = Path(revision.path)
            try:
                self.walk.prove(revision)
            except click.ClickException as error:
                unproved.append(error.message)
            findings = review.warnings(self.walk.recorded, self.database, path)
            refused = [f"{path.name}, {finding}" for finding in findings if not finding.accepted]
            dangerous += refused
            if unproved:
                break
            if not refused:
                self.verified.add(digest)
        self.proved.found(unproved)
        if self.proved.ok or dangerous:
            self.safe.found(dangerous)

    def _compare(self, heads: list[Script]) -> None:
        db = current_app.extensions["migrate"].db
        newest = [self.digests[head.revision] for head in heads]
        wanted = files.digest([*newest, differences.fingerprint(db.metadata, self.database)])
        if wanted in self.verified:
            self.models.ok = self.named.ok = True
            return
        shadow = self.walk.at_heads()
        self.models.found(differences.from_models(shadow, self.script, differences.every))
        with shadow.connect() as connection:
            self.named.found(unnamed(connection, db.metadata, shadow.own_tables))
        if self.models.ok and self.named.ok:
            self.verified.add(wanted)

    def _render(self) -> None:
        """Print the SQL of what has not been printed yet."""
        digests = {revision: files.digest(["sql", digest]) for revision, digest in self.digests.items()}
        new = [
            revision
            for revision in files.in_order(self.script)
            if digests[revision.revision] not in self.verified
        ]
        if not new:
            self.rendered.ok = True
            return
        if self.rendered.found(unrendered(new)):
            for revision in new:
                self.verified.add(digests[revision.revision])

    def _once(self, name: str, look: Callable[[], list[str]]) -> list[str]:
        package = Path(current_app.root_path)
        wanted = files.digest([name, files.code_digest(package)])
        if wanted in self.verified:
            return []
        found = look()
        if not found:
            self.verified.add(wanted)
        return found
