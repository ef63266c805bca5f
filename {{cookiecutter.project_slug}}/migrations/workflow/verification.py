"""The checks of `flask db verify`. What was in order before, and has not changed since, is not run again."""

import io
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from alembic import command
from alembic.script import Script
from flask import current_app
from sqlalchemy import Connection

from .. import engines, proof, review
from ..engines.base import Database
from ..engines.errors import MigrationError
from . import differences, files, history
from .heads import alembic_config
from .named import unnamed
from .registered import unregistered
from .verified import Verified

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
            two = [f'{names}: join them with `flask db merge heads -m "…"`'] if len(heads) > 1 else []
            if self.heads.found(two):
                self._look_at(heads)
        self.registered.found(self._once("registered", lambda: unregistered(current_app.import_name)))
        return [check for check in vars(self).values() if isinstance(check, Check)]

    def _look_at(self, heads: list[Script]) -> None:
        self.digests = history.fingerprints(self.database, self.script)
        with ExitStack() as stack:
            self.shadow = _Shadow(self.database, self.script, stack)
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
                self.shadow.prove(revision)
            except click.ClickException as error:
                unproved.append(error.message)
            findings = review.warnings(self.shadow.recorded, self.database, path)
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
        shadow = self.shadow.at_heads()
        self.models.found(differences.from_models(shadow, self.script, differences.every))
        ignoring = shadow.private_tables | {"alembic_version"}
        with shadow.connect() as connection:
            self.named.found(unnamed(connection, db.metadata, ignoring))
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
        start = new[0].down_revision
        config = alembic_config()
        config.output_buffer = io.StringIO()
        try:
            command.upgrade(config, f"{start if isinstance(start, str) else 'base'}:head", sql=True)
        except click.ClickException as error:
            self.rendered.found([error.message])
            return
        except Exception as error:  # whatever a revision does without a connection
            frames = traceback.extract_tb(error.__traceback__)
            files_named = {Path(revision.path).name for revision in new}
            place = [f"{Path(frame.filename).name}, line {frame.lineno}: " for frame in frames
                     if Path(frame.filename).name in files_named][-1:]  # fmt: skip
            self.rendered.found(
                [f"{''.join(place)}{type(error).__name__}: {error}; there is no connection here"]
            )
            return
        self.rendered.ok = True
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


class _Shadow:
    """A throwaway database that goes along with the history; made only where it is needed."""

    def __init__(self, database: Database, script: Any, stack: ExitStack) -> None:
        self.database, self.script, self.stack = database, script, stack
        self.shadow: Database | None = None
        self.at: set[str] = set()
        self.recorded: list[review.Recorded] = []

    def prove(self, revision: Script) -> None:
        """Raises MigrationError; what the upgrade did is in `recorded` either way, as far as it got."""
        recorded = self.recorded = []
        if not hasattr(revision.module, "downgrade"):
            raise MigrationError(f"{Path(revision.path).name} has no downgrade(): write one.")
        parents = set(revision._versioned_down_revisions)
        if self.shadow is None or self.at != parents:
            self._begin(parents)

        @contextmanager
        def watch(connection: Connection) -> Iterator[None]:
            with review.recording(Path(revision.path), connection) as found:
                yield
            recorded.extend(found)

        if len(parents) > 1:
            history.run(self.shadow, self.script, revision.revision, upgrade=True, recorder=watch)
        else:
            proof.Proof(self.shadow, self.script, revision).run(recorder=watch)
        self.at = {revision.revision}

    def at_heads(self) -> Database:
        if self.shadow is None:
            self._begin(set(self.script.get_heads()))
        else:
            history.run(self.shadow, self.script, "heads", upgrade=True)
        return self.shadow

    def _begin(self, revisions: set[str]) -> None:
        self.stack.close()
        self.shadow = self.stack.enter_context(self.database.shadow())
        for number, revision in enumerate(sorted(revisions)):
            if number:
                history.run(self.shadow, self.script, revision, upgrade=True)
            else:
                history.build(self.shadow, self.script, revision)
        self.at = revisions
