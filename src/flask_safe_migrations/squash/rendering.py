"""Renders the file of a baseline: its operations, among them SQL statements, as Python."""

import json
import textwrap
from datetime import datetime
from typing import Any, NamedTuple

from alembic.autogenerate import render, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData
from sqlalchemy.sql.functions import now

from .. import _compat
from ..backends.escaping import escaped
from .selection import Fold
from .state import TableKey

HEADER = '''"""{title}

Revision ID: {revision}
Revises:
Create Date: {date}

Created by `flask db squash` from {number} revisions, which are in migrations/archive/{revision}.
Proved on {engine} to create the same schema and rows. Databases at {revision} or later need no change.
"""

import sqlalchemy as sa
from alembic import op
{imports}
revision = {id}
down_revision = None
branch_labels = {labels}
depends_on = None

# The revisions that it replaces, oldest first; a database at one of them has to go through `release` first.
replaces = (
{replaces})
release = {release}
{earlier}# The content of the revision whose id this one has.
replaced_content = {content}

'''

# Accepts the statement for `flask db verify`, which cannot check SQL.
SAFE = "# safe: a database that gets this baseline is new"


class Step(NamedTuple):
    """An operation, and the table that it creates, changes or fills, if any."""

    operation: Any
    key: TableKey | None = None
    inserts_rows: bool = False


class RawSQLOp(ops.MigrateOperation):
    """SQL statements; with `dialects`, for these databases only."""

    def __init__(self, statements: list[str], dialects: tuple[str, ...] = ()) -> None:
        self.statements, self.dialects = statements, dialects


@renderers.dispatch_for(RawSQLOp)
def _render_statements(_context: AutogenContext, operation: RawSQLOp) -> list[str]:
    """Return code, one statement in an item. Indent only its first line: the rest may be a function body."""
    code = [line for sql in operation.statements for line in (SAFE, render_execute(sql))]
    dialects = operation.dialects
    if not dialects:
        return code
    condition = f"== {dialects[0]!r}" if len(dialects) == 1 else f"in {dialects!r}"
    return [f"if op.get_context().dialect.name {condition}:", *(f"    {line}" for line in code)]


def render_execute(sql: str) -> str:
    """Return the call of op.execute() that runs exactly this SQL."""
    # op.execute() reads :name as a parameter.
    sql = escaped(sql)
    if "\n" not in sql or "\r" in sql:  # Python would read \r\n in a literal as \n
        return f"op.execute({sql!r})"
    text = sql.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if text.endswith('"'):
        text = f'{text[:-1]}\\"'
    return f'op.execute("""{text}""")'


class RenderedCode:
    """Code, and the step that each line of it belongs to."""

    def __init__(self) -> None:
        self.text = ""
        self.steps: dict[int, Step] = {}
        self.imports: set[str] = set()

    def add(self, text: str, step: Step | None = None) -> None:
        start = self.text.count("\n") + 1
        self.text += text
        if step:
            self.steps |= dict.fromkeys(range(start, self.text.count("\n") + 1), step)

    def add_function(self, name: str, steps: list[Step], context: AutogenContext | None) -> None:
        self.add(f"\ndef {name}() -> None:\n")
        for step in steps:
            self.add(_render_operation(step.operation, context), step)
        if not steps:
            self.add("    pass\n")
        self.add("\n")


def compose_header(fold: Fold, engine: str, release: str, content: str, date: datetime) -> dict[str, str]:
    """Return the values for `HEADER`; `content` is that of the revision whose id the baseline has."""
    earlier = {
        revision.revision: revision.module.release
        for revision in fold.folded
        if getattr(revision.module, "release", None)
    }
    for revision in fold.folded:
        earlier = getattr(revision.module, "earlier_releases", {}) | earlier
    releases = f"# Revisions before these ids need an earlier release.\nearlier_releases = {earlier!r}\n"
    return {
        "title": baseline_title(fold),
        "revision": fold.upto.revision,
        "id": repr(fold.upto.revision),
        "date": f"{date:%Y-%m-%d %H:%M:%S}",
        "number": str(len(fold.folded)),
        "engine": engine,
        "labels": repr(fold.labels or None),
        "replaces": "".join(f"    {json.dumps(revision)},\n" for revision in fold.replaces),
        "release": json.dumps(release),
        "earlier": releases if earlier else "",
        "content": json.dumps(content),
    }


def baseline_title(fold: Fold) -> str:
    message = fold.upto.doc.replace("\\", "\\\\").replace('"', '\\"')
    return f"baseline up to {message}" if message else "baseline"


def portable_context(migration: MigrationContext, metadata: MetaData) -> AutogenContext:
    """Return a context that renders sa.func.now() as such: Alembic would render the SQL of one database."""
    context = AutogenContext(migration, metadata)
    render_default = context.opts["render_item"]

    def render_item(kind: str, item: Any, inner: AutogenContext) -> Any:
        if kind == "server_default" and isinstance(getattr(item, "arg", None), now):
            return "sa.func.now()"
        return render_default(kind, item, inner) if render_default else False

    context.opts["render_item"] = render_item
    return context


def render_functions(
    suffix: str, upgrade: list[Step], downgrade: list[Step], context: AutogenContext | None
) -> RenderedCode:
    """Render upgrade…() and downgrade…() with this suffix, which is that of a bind or empty."""
    body = RenderedCode()
    body.add_function(f"upgrade{suffix}", upgrade, context)
    body.add_function(f"downgrade{suffix}", downgrade, context)
    body.imports |= set(context.imports) if context else set()
    return body


def render_file(header: dict[str, str], functions: list[RenderedCode]) -> RenderedCode:
    """Render the file with the functions for all databases."""
    file = RenderedCode()
    imports = sorted({line for body in functions for line in body.imports})
    file.add(HEADER.format(**header, imports="".join(f"{line}\n" for line in imports)))
    for body in functions:
        offset = file.text.count("\n")
        file.text += body.text
        file.steps |= {line + offset: step for line, step in body.steps.items()}
    file.text = file.text.rstrip("\n") + "\n"
    return file


def _render_operation(operation: Any, context: Any) -> str:
    lines = [line for line in render.render_op(context, operation) if line]
    if isinstance(operation, RawSQLOp):  # the body of a function keeps its indentation
        return "".join(f"    {line}\n" for line in lines)
    if lines[0].startswith("with "):
        lines[1:] = [textwrap.indent(line, "    ") for line in lines[1:]]
    return textwrap.indent("\n".join(lines), "    ") + "\n"


def file_name(script: Any, fold: Fold, date: datetime) -> str:
    """Return the file name by Alembic's `file_template`."""
    return _compat.revision_path(script, "", fold.upto.revision, baseline_title(fold), date).name
