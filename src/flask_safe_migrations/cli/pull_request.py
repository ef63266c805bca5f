"""A summary of new revisions in Markdown, for a pull request: words, SQL and warnings, and the checks."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from alembic.script import Script
from flask import current_app

from .. import api, output
from ..api import DatabaseChange, Report, RevisionChanges
from ..api.changes import record_revisions
from ..context import Recorder
from ..errors import MigrationError, UsageError
from ..output import suggest
from ..revisions.git import Git
from ..runtime import binds
from ..safety import Finding, RecordedOperation
from ..settings import active, project_commands
from ..verification.round_trip import ShadowWalk
from ..verification.suite import SIGNS, Check
from . import github

MAX_STATEMENTS = 100  # of a revision: GitHub takes a megabyte for a step
Pictures = dict[tuple[str, str], str]  # in Mermaid's syntax, by revision and database
SHOWN = 12  # more statements than these are folded


def write_summary(report: Report, target: Path, since: str | None) -> None:
    """Append the summary to a file.

    :param since: the revisions are new that this commit, tag or branch does not have.
    :raises MigrationError: if there is no such commit, or the file cannot be written.
    """
    ref = since or github.find_target(Git(active().project_folder))
    new = api.find_new_revisions(ref) if ref and _is_consistent(report) else None
    if since and ref and new is None and _is_consistent(report):
        raise UsageError(f"--since {since}: there is no such commit, tag or branch of git.")
    pictures: Pictures = {}
    changes = record_revisions(new, partial(_record, pictures)) if new else []
    lines = _summarize(report, changes, pictures, None if new is None else ref)
    text = suggest("".join(lines), project_commands(current_app))
    try:
        with target.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise MigrationError(f"{target} cannot be written ({error.strerror}): name another file.") from error
    output.notice(f"Summary: {target}")


def _is_consistent(report: Report) -> bool:
    """Whether the revisions can be run at all."""
    return not any(check.id == "files" and check.ok is False for check in report.checks)


def _record(
    pictures: Pictures, walk: ShadowWalk, revision: Script, watch: Recorder
) -> list[RecordedOperation]:
    """Run a revision, and draw the tables that it changes."""
    from ..contrib.mermaid import draw_mermaid
    from ..contrib.revision_diagram import record_change

    recorded, tables = record_change(walk, revision, watch)
    if tables[0]:
        pictures[revision.revision, binds.label(walk.database)] = draw_mermaid(*tables)
    return recorded


def _summarize(
    report: Report, changes: list[RevisionChanges], pictures: Pictures, ref: str | None
) -> Iterator[str]:
    """Yield the parts of the summary. `ref` is what it is compared with, if there is something."""
    failed = [check for check in report.checks if check.ok is False]
    warnings = sum(
        not each.accepted for change in changes for database in change.databases for each in database.warnings
    )
    parts = [_count(len(changes), "new revision")] if ref else []
    parts += [_count(warnings, "warning")] if warnings else []
    parts.append(f"{_count(len(failed), 'check')} failed" if failed else "all checks passed")
    yield f"## {SIGNS[not failed]} Migrations: {', '.join(parts)}\n\n"
    if not ref:
        yield "Which revisions are new is not known: there is nothing to compare with in git.\n\n"
    elif not changes:
        yield f"No revision is new since `{ref}`.\n\n"
    for change in changes:
        yield from _describe_revision(change, pictures)
    yield f"### Checks on {report.engine}\n\n| | check | |\n|---|---|---|\n"
    yield from map(_format_check, report.checks)
    yield "\n"


def _describe_revision(change: RevisionChanges, pictures: Pictures) -> Iterator[str]:
    yield f"### `{change.revision}` {_escape(change.message)}\n\n"
    yield f"`{active().relative(change.path).as_posix()}`\n\n"
    for database in change.databases:
        if len(change.databases) > 1:
            yield f"#### {_escape(database.name)}\n\n"
        yield from _describe_database(database, pictures.get((change.revision, database.name)))
    if not change.databases:
        yield "It changes no database.\n\n"


def _describe_database(change: DatabaseChange, picture: str | None) -> Iterator[str]:
    if change.problem:
        yield f"**✗ It failed.** {_escape(change.problem)}\n\n"
    yield from (f"- {_escape(line)}\n" for line in change.description)
    if not (change.description or change.problem):
        yield "It changes nothing.\n"
    yield "\n" if change.description or not change.problem else ""
    yield from map(_format_warning, change.warnings)
    if change.sql:
        title = f"{_count(len(change.sql), 'statement')} on {change.engine}"
        is_open = " open" if len(change.sql) <= SHOWN else ""
        yield f"<details{is_open}><summary>SQL: {title}</summary>\n\n"
        statements = [f"{statement};" for statement in change.sql[:MAX_STATEMENTS]]
        if len(change.sql) > MAX_STATEMENTS:
            statements.append(f"-- and {len(change.sql) - MAX_STATEMENTS} more")
        yield _fence("\n".join(statements), "sql")
        yield "\n</details>\n\n"
    if picture:
        yield "<details><summary>Tables, before and after</summary>\n\n"
        yield _fence(picture, "mermaid")
        yield "\n</details>\n\n"


def _format_warning(finding: Finding) -> str:
    if finding.accepted:
        return f"**Accepted, line {finding.line}:** {_escape(finding.what)}: {_escape(finding.accepted)}\n\n"
    return (
        f"**⚠ Warning, line {finding.line}:** {_escape(finding.what)}. {_escape(finding.why)} Safer:\n\n"
        f"{_fence(finding.instead, 'python' if 'op.' in finding.instead else 'text')}\n"
    )


def _format_check(check: Check) -> str:
    # The first line says what it is; the rest is the explanation, which stands at the revision.
    lines = [each.partition("\n")[0] for each in (*check.details, *check.notes)]
    text = "<br>".join(map(_escape, lines))
    return f"| {SIGNS[check.ok]} | {_escape(check.name)} | {text} |\n"


def _escape(text: str) -> str:
    """Return text that Markdown and HTML show as it is; code in backquotes stays code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(
        part.replace("|", "\\|") if number % 2 else re.sub(r"([\\*_\[\]<>|#~$&])", r"\\\1", part)
        for number, part in enumerate(parts)
    )


def _fence(code: str, language: str) -> str:
    """Return a block of code, whatever backquotes are in it."""
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    return f"{ticks}{language}\n{code}\n{ticks}\n"


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
