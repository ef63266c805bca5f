"""Runs squawk, a linter for PostgreSQL migrations, on the SQL of a revision: https://squawkhq.com

It is a development dependency: where it is not installed, only our own rules apply.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .recorder import COMMENTS, RecordedOperation

# Its rules, and which of our messages report the same. They are listed one by one: a rule that a newer squawk
# adds must not fail a project whose revisions have not changed. Rules of style are left out.
EQUIVALENT_RULES = {
    "adding-field-with-default": ("volatile_default", "stored_generated", "serial"),
    "adding-foreign-key-constraint": ("foreign_key",),
    "adding-not-nullable-field": ("set_not_null",),
    "adding-required-field": ("required_column", "serial", "stored_generated"),
    "adding-serial-primary-key-field": ("primary_key",),
    "ban-concurrent-index-creation-in-transaction": ("index_in_transaction",),
    "ban-drop-column": ("drop_column",),
    "ban-drop-table": ("drop_table",),
    "changing-column-type": ("change_type",),
    "constraint-missing-not-valid": (
        "foreign_key",
        "check",
        "primary_key",
        "unique",
        "exclude",
        "validated_at_once",
    ),
    "disallowed-unique-constraint": ("unique",),
    "renaming-column": ("rename_column",),
    "renaming-table": ("rename_table",),
    "require-concurrent-index-creation": ("index",),
}
# Its rules that none of ours covers.
ADDITIONAL_RULES = {
    "ban-drop-database",
    "ban-drop-function",
    "ban-drop-schema",
    "ban-drop-type",
    "ban-drop-view",
    "ban-truncate-cascade",
    "renaming-object",
    "require-concurrent-partition-detach",
    "require-concurrent-reindex",
}
DDL = re.compile(rf"{COMMENTS}(ALTER|COMMENT|CREATE|DROP|REINDEX|TRUNCATE)\b", re.IGNORECASE | re.DOTALL)


class Violation(NamedTuple):
    recorded: RecordedOperation
    rule: str
    message: str
    help: str


def run(operations: list[RecordedOperation], folder: Path) -> Iterator[Violation]:
    """Yield what squawk reports; its settings are read from `.squawk.toml` in `folder`."""
    program = find_program()
    if program is None:
        return
    lines, owners = _build_script(operations)
    if not any(owners):
        return
    version = operations[0].dialect.server_version_info if operations[0].dialect else None
    options = [f"--pg-version={version[0]}.0"] if version else []
    # Exit code 1 means that it has found something.
    result = subprocess.run(  # noqa: S603
        [program, "--reporter", "json", "--stdin-filepath", "revision.sql", *options],
        input="\n".join(lines),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    for found in json.loads(result.stdout or "[]"):
        owner = owners[min(found["line"], len(owners) - 1)]  # it counts from 0
        if owner and (found["rule_name"] in EQUIVALENT_RULES or found["rule_name"] in ADDITIONAL_RULES):
            yield Violation(owner, found["rule_name"], found["message"], found.get("help") or "")


def find_program() -> str | None:
    """Return the path of squawk: next to this Python, where its package installs it, or on the PATH."""
    return shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")


def _build_script(operations: list[RecordedOperation]) -> tuple[list[str], list[RecordedOperation | None]]:
    """Return the lines of SQL that the server gets, and the operation that each line belongs to."""
    lines = ["BEGIN;"]
    owners: list[RecordedOperation | None] = [None]
    in_transaction = True
    for recorded in operations:
        for statement in recorded.statements:
            if not DDL.match(statement):
                continue
            if recorded.autocommit == in_transaction:
                lines.append("COMMIT;" if in_transaction else "BEGIN;")
                owners.append(None)
                in_transaction = not in_transaction
            for line in f"{statement.replace('%%', '%').strip().rstrip(';')};".splitlines():
                lines.append(line)
                owners.append(recorded)
    return [*lines, "COMMIT;" if in_transaction else ""], [*owners, None]
