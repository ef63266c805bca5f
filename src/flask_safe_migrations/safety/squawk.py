"""Asks squawk, a linter of PostgreSQL migrations, about the SQL of a revision: https://squawkhq.com

A development dependency: where it is not installed, our own rules stand alone.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .recorder import COMMENTS, Recorded

# Its rule, and which of our messages say the same. Named one by one: what a newer squawk adds must not stop
# a project whose revisions have not changed. Rules of style are left out.
SAME = {
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
# What no rule of ours says.
MORE = {
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


class Said(NamedTuple):
    recorded: Recorded
    rule: str
    message: str
    help: str


def judge(recorded: list[Recorded], folder: Path) -> Iterator[Said]:
    """Yield what squawk finds; `folder` may hold a .squawk.toml."""
    program = find()
    if program is None:
        return
    lines, owners = _script(recorded)
    if not any(owners):
        return
    version = recorded[0].dialect.server_version_info if recorded[0].dialect else None
    options = [f"--pg-version={version[0]}.0"] if version else []
    # Exit code 1 says that it found something.
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
        if owner and (found["rule_name"] in SAME or found["rule_name"] in MORE):
            yield Said(owner, found["rule_name"], found["message"], found.get("help") or "")


def find() -> str | None:
    """Beside this Python, as a package installs it, or on the PATH."""
    return shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")


def _script(recorded: list[Recorded]) -> tuple[list[str], list[Recorded | None]]:
    """Return the SQL as the server gets it, line by line, and whose each line is."""
    lines = ["BEGIN;"]
    owners: list[Recorded | None] = [None]
    inside = True
    for found in recorded:
        for statement in found.statements:
            if not DDL.match(statement):
                continue
            if found.autocommit == inside:
                lines.append("COMMIT;" if inside else "BEGIN;")
                owners.append(None)
                inside = not inside
            for line in f"{statement.replace('%%', '%').strip().rstrip(';')};".splitlines():
                lines.append(line)
                owners.append(found)
    return [*lines, "COMMIT;" if inside else ""], [*owners, None]
