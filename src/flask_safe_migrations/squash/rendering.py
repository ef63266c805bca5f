"""The file of a baseline."""

import json
import textwrap
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData
from sqlalchemy.sql.functions import now

from .operations import Step
from .raw_sql import Written
from .selection import Fold

HEAD = '''"""{title}

Revision ID: {revision}
Revises:
Create Date: {date}

Made by `flask db squash` from {number} revisions, which lie in migrations/archive/{revision}: proved on
{engine} to leave the same schema and rows as these. Databases at {revision} or later have it already.
"""

import sqlalchemy as sa
from alembic import op
{imports}
revision = {id}
down_revision = None
branch_labels = {labels}
depends_on = None

# The revisions that it stands for, oldest first; a database at one of them has to go through `release` first.
replaces = (
{replaces})
release = {release}
{earlier}# What the file had in it whose id this one took over.
replaced_content = {content}

'''


class Rendered:
    """Text, and the step that each line of it is about."""

    def __init__(self) -> None:
        self.text = ""
        self.steps: dict[int, Step] = {}
        self.imports: set[str] = set()

    def add(self, text: str, step: Step | None = None) -> None:
        start = self.text.count("\n") + 1
        self.text += text
        if step:
            self.steps |= dict.fromkeys(range(start, self.text.count("\n") + 1), step)

    def function(self, name: str, steps: list[Step], context: AutogenContext | None) -> None:
        self.add(f"\ndef {name}() -> None:\n")
        for step in steps:
            self.add(_indented(step.operation, context), step)
        if not steps:
            self.add("    pass\n")
        self.add("\n")


def facts(fold: Fold, engine: str, release: str, content: str, date: datetime) -> dict[str, str]:
    """Return what stands at the head of the file."""
    earlier = {
        each.revision: each.module.release for each in fold.folded if getattr(each.module, "release", None)
    }
    for each in fold.folded:
        earlier = getattr(each.module, "earlier_releases", {}) | earlier
    told = f"# For those before these ids, an earlier one.\nearlier_releases = {earlier!r}\n"
    return {
        "title": title(fold),
        "revision": fold.upto.revision,
        "id": repr(fold.upto.revision),
        "date": f"{date:%Y-%m-%d %H:%M:%S}",
        "number": str(len(fold.folded)),
        "engine": engine,
        "labels": repr(fold.labels or None),
        "replaces": "".join(f"    {json.dumps(each)},\n" for each in fold.replaces),
        "release": json.dumps(release),
        "earlier": told if earlier else "",
        "content": json.dumps(content),
    }


def title(fold: Fold) -> str:
    message = fold.upto.doc.replace("\\", "\\\\").replace('"', '\\"')
    return f"baseline up to {message}" if message else "baseline"


def portable_context(migration: MigrationContext, metadata: MetaData) -> AutogenContext:
    """Alembic would write sa.func.now() in the words of one engine."""
    context = AutogenContext(migration, metadata)
    usual = context.opts["render_item"]

    def render_item(kind: str, thing: Any, inner: AutogenContext) -> Any:
        if kind == "server_default" and isinstance(getattr(thing, "arg", None), now):
            return "sa.func.now()"
        return usual(kind, thing, inner) if usual else False

    context.opts["render_item"] = render_item
    return context


def render_functions(
    suffix: str, upgrade: list[Step], downgrade: list[Step], context: AutogenContext | None
) -> Rendered:
    """Return upgrade() and downgrade() for the database whose functions have this suffix."""
    body = Rendered()
    body.function(f"upgrade{suffix}", upgrade, context)
    body.function(f"downgrade{suffix}", downgrade, context)
    body.imports |= set(context.imports) if context else set()
    return body


def render_file(head: dict[str, str], functions: list[Rendered]) -> Rendered:
    """Put the functions for all databases together."""
    found = Rendered()
    imports = sorted({line for body in functions for line in body.imports})
    found.add(HEAD.format(**head, imports="".join(f"{line}\n" for line in imports)))
    for body in functions:
        lines = found.text.count("\n")
        found.text += body.text
        found.steps |= {line + lines: step for line, step in body.steps.items()}
    found.text = found.text.rstrip("\n") + "\n"
    return found


def _indented(operation: Any, context: Any) -> str:
    lines = [line for line in render.render_op(context, operation) if line]
    if isinstance(operation, Written):  # the text of a function stays as it is
        return "".join(f"    {line}\n" for line in lines)
    if lines[0].startswith("with "):
        lines[1:] = [textwrap.indent(line, "    ") for line in lines[1:]]
    return textwrap.indent("\n".join(lines), "    ") + "\n"


def file_name(script: Any, fold: Fold, date: datetime) -> str:
    """Return the file name, by the template in pyproject.toml."""
    return Path(script._rev_path("", fold.upto.revision, title(fold), date)).name
