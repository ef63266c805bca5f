"""`--json`: one JSON document on standard output, nothing else there. Its keys: `flask db help reports`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from flask import current_app

from ..api import DatabaseStatus, Report
from ..errors import MigrationError
from ..output import suggest
from ..settings import active, project_commands
from ..verification.suite import Check, Problem

VERSION = 1  # goes up when a key changes its meaning or is removed


@contextmanager
def print_json() -> Iterator[dict[str, Any]]:
    """Print the dictionary that the block fills. What the block prints itself goes to standard error.

    A MigrationError is printed as a document with `error`, and raised.
    """
    stdout = sys.stdout
    result: dict[str, Any] = {"version": VERSION}
    try:
        with redirect_stdout(sys.stderr):  # also print() in a revision
            yield result
    except MigrationError as error:
        result |= {"ok": False, "error": error.message}
        raise
    finally:
        if "ok" in result:
            _print(result, stdout)


def _print(result: dict[str, Any], stdout: Any) -> None:
    click.echo(json.dumps(_suggest(result, project_commands(current_app)), indent=2), file=stdout)


def _suggest(value: Any, commands: Any) -> Any:
    """Put the commands of the project into each text; in the document, their quotes would break it."""
    if isinstance(value, str):
        return suggest(value, commands)
    if isinstance(value, dict):
        return {key: _suggest(each, commands) for key, each in value.items()}
    return [_suggest(each, commands) for each in value] if isinstance(value, list | tuple) else value


def convert_status(databases: list[DatabaseStatus]) -> dict[str, Any]:
    """Return the document of `flask db status --json`."""
    return {
        "ok": all(database.problem is None for database in databases),
        "databases": [asdict(database) for database in databases],
    }


def convert_report(report: Report) -> dict[str, Any]:
    """Return the document of `flask db verify --json`."""
    return {
        "ok": report.ok,
        "engine": report.engine,
        "checks": [_convert_check(check) for check in report.checks],
    }


def _convert_check(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "name": check.name,
        "ok": check.ok,
        "details": check.details,
        "problems": [_convert_problem(problem) for problem in check.problems],
        "notes": check.notes,
    }


def _convert_problem(problem: Problem) -> dict[str, Any]:
    return {
        "message": problem.message,
        "file": _relative(problem.path),
        "line": problem.line,
        "accepted": problem.accepted,
    }


def _relative(path: Path | None) -> str | None:
    return active().relative(path).as_posix() if path else None
