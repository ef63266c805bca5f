"""`flask db verify --format github`: annotations in a pull request, by workflow commands.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app

from ..api import Report
from ..errors import MigrationError
from ..output import suggest
from ..revisions.git import Git
from ..settings import active, project_commands


def print_annotations(report: Report) -> None:
    """Print a workflow command for each problem; GitHub shows it at the line of the revision."""
    root = _find_root()
    for check in report.checks:
        for problem in check.problems:
            level = "notice" if problem.accepted else "error"
            path = problem.path.resolve() if problem.path else None
            place = {}
            if path and path.is_relative_to(root):
                place = {"file": path.relative_to(root).as_posix(), "line": str(problem.line or 1)}
            print_annotation(level, problem.message, **place, title=f"Migrations: {check.name}")


@contextmanager
def annotate_error() -> Iterator[None]:
    """Print an annotation where the checks cannot be run; the error is raised."""
    try:
        yield
    except MigrationError as error:
        print_annotation("error", error.message, title="Migrations")
        raise


def print_annotation(level: str, message: str, **properties: str) -> None:
    """Print an annotation with the commands of the project."""
    click.echo(format_command(level, suggest(message, project_commands(current_app)), **properties))


def format_command(name: str, message: str, **properties: str) -> str:
    """Return a workflow command, escaped as the runner reads it.

    >>> format_command("error", "50%\\nof it", file="a,b.py", line="3")
    '::error file=a%2Cb.py,line=3::50%25%0Aof it'
    """
    values = ",".join(f"{key}={_escape(value, ':,')}" for key, value in properties.items())
    return f"::{name}{' ' * bool(values)}{values}::{_escape(message)}"


def _escape(text: str, more: str = "") -> str:
    """https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts"""
    return "".join(f"%{ord(each):02X}" if each in f"%\r\n{more}" else each for each in text)


def find_summary() -> Path | None:
    """Return the file whose Markdown GitHub shows on the page of the run, if there is one."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    return Path(name) if name else None


def find_target(git: Git) -> str | None:
    """Return the commit that a pull request, or a push, is compared with; None if there is none."""
    branch = os.environ.get("GITHUB_BASE_REF")
    merge_base = os.environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA")  # GitLab
    names = [f"origin/{branch}" if branch else None, merge_base]
    if os.environ.get("CI"):
        # A workflow checks out the merge of a pull request into its target: the first parent is the target.
        names.append("HEAD^1")
    return next((name for name in names if name and git.has_commit(name)), None) or git.find_base()


def _find_root() -> Path:
    """Return the folder that paths are relative to: the repository, which may hold more than this project."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    return Path(workspace or active().project_folder).resolve()
