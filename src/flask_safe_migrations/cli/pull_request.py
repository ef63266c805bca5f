"""A summary of new revisions in Markdown, for a pull request: words, SQL and warnings, and the checks."""

import re
from collections.abc import Iterator
from pathlib import Path

from flask import current_app

from .. import api, output
from ..api import DatabaseChange, Report, RevisionChanges
from ..errors import MigrationError, UsageError
from ..output import suggest
from ..revisions.git import Git
from ..safety import Finding
from ..settings import active, project_commands
from ..verification.suite import SIGNS, Check
from . import github

MAX_STATEMENTS = 100  # of a revision: GitHub takes a megabyte for a step
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
    changes = api.describe_revisions(new) if new else []
    text = suggest(
        "".join(_summarize(report, changes, ref, is_known=new is not None)), project_commands(current_app)
    )
    try:
        with target.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise MigrationError(f"{target} cannot be written ({error.strerror}): name another file.") from error
    output.notice(f"Summary: {target}")


def _is_consistent(report: Report) -> bool:
    """Whether the revisions can be run at all."""
    return not any(check.id == "files" and check.ok is False for check in report.checks)


def _summarize(
    report: Report, changes: list[RevisionChanges], ref: str | None, *, is_known: bool
) -> Iterator[str]:
    failed = [check for check in report.checks if check.ok is False]
    warnings = sum(
        not each.accepted for change in changes for database in change.databases for each in database.warnings
    )
    parts = [_count(len(changes), "new revision")] if is_known else []
    parts += [_count(warnings, "warning")] if warnings else []
    parts.append(f"{_count(len(failed), 'check')} failed" if failed else "all checks passed")
    yield f"## {SIGNS[not failed]} Migrations: {', '.join(parts)}\n\n"
    if not is_known:
        yield "Which revisions are new is not known: there is nothing to compare with in git.\n\n"
    elif not changes:
        yield f"No revision is new since `{ref}`.\n\n"
    for change in changes:
        yield from _describe_revision(change)
    yield f"### Checks on {report.engine}\n\n| | check | |\n|---|---|---|\n"
    yield from map(_format_check, report.checks)
    yield "\n"


def _describe_revision(change: RevisionChanges) -> Iterator[str]:
    yield f"### `{change.revision}` {_escape(change.message)}\n\n"
    yield f"`{active().relative(change.path).as_posix()}`\n\n"
    for database in change.databases:
        if len(change.databases) > 1:
            yield f"#### {_escape(database.name)}\n\n"
        yield from _describe_database(database)
    if not change.databases:
        yield "It changes no database.\n\n"


def _describe_database(change: DatabaseChange) -> Iterator[str]:
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
