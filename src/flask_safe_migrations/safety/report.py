"""The warnings about a revision: our rules and squawk together, none of them twice, accepted ones marked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.operations.ops import ExecuteSQLOp

from .. import settings
from ..backends.base import Database
from ..errors import MigrationError
from ..runtime import binds
from . import squawk
from .case import Case, cases
from .downgrade import missing_downgrade
from .messages import MESSAGES, fill
from .recorder import Recorded
from .rules import common, mysql, postgresql, raw_sql  # noqa: F401 (they register rules)
from .suppressions import accepted

# Ours know the table as it was, so where they are silent about these, the operation is safe.
KNOWN_BETTER = {"change_type", "set_not_null", "rename_table", "drop_column", "rename_column"}


@dataclass(frozen=True)
class Finding:
    rule: str
    line: int
    what: str
    why: str
    instead: str
    accepted: str | None  # the reason that the file gives

    def __str__(self) -> str:
        if self.accepted:
            return f"line {self.line}: {self.what} (accepted: {self.accepted})"
        code = "\n".join(f"      {line}" for line in self.instead.splitlines())
        return f"line {self.line}: {self.what}\n    {self.why}\n    Safer:\n{code}"


def warnings(recorded: list[Recorded], database: Database, path: Path) -> list[Finding]:
    """Return what is dangerous about the upgrade that was recorded from the revision in `path`."""
    found = [*_ours(recorded, database.title, path)]
    if database.title == "PostgreSQL":
        found += _squawks(recorded, found, database.title, path)
    if line := missing_downgrade(path, binds.suffix(database.bind)):
        found.append((None, worded("no_downgrade", {}, database.title, line, path)))
    judged_by_squawk = {id(record) for record, finding in found if finding.rule.startswith("squawk")}
    unique: dict[tuple[int, str], Finding] = {}
    for record, finding in found:
        if not (finding.rule == "raw_sql" and id(record) in judged_by_squawk):
            unique.setdefault((finding.line, finding.what), finding)
    ignored = disabled()
    found_here = [finding for finding in unique.values() if finding.rule not in ignored]
    return sorted(found_here, key=lambda finding: finding.line)


def disabled() -> frozenset[str]:
    """Return MIGRATION_DISABLED_CHECKS; raises MigrationError for a rule that there is not."""
    names = settings.active().disabled_checks
    unknown = sorted(name for name in names if name not in MESSAGES and not name.startswith("squawk: "))
    if unknown:
        raise MigrationError(
            f"MIGRATION_DISABLED_CHECKS names {unknown[0]}, and there is no such rule: it takes "
            f"{', '.join(sorted(MESSAGES))}, or squawk: and the name of one of squawk's."
        )
    return names


Pair = tuple[Recorded | None, Finding]


def _ours(recorded: list[Recorded], engine: str, path: Path) -> Iterator[Pair]:
    for case in cases(recorded, engine):
        for rule, names in case.judged():
            names = case.names() | names
            yield case.recorded, worded(rule, names, engine, case.recorded.line, path)


def _squawks(recorded: list[Recorded], ours: list[Pair], engine: str, path: Path) -> Iterator[Pair]:
    by_record = {id(case.recorded): case for case in cases(recorded, engine)}
    for said in squawk.judge(recorded, settings.active().project_folder):
        case: Case = by_record[id(said.recorded)]
        same = squawk.SAME.get(said.rule, ())
        line = said.recorded.line
        if case.is_new or any(record is said.recorded and finding.rule in same for record, finding in ours):
            continue
        if not isinstance(case.operation, ExecuteSQLOp) and same:
            if not KNOWN_BETTER.intersection(same):
                yield said.recorded, worded(same[0], case.names(), engine, line, path)
        else:
            what = " ".join("".join(said.recorded.statements[:1]).split())
            rule, reason = f"squawk: {said.rule}", accepted(path, line)
            yield (
                said.recorded,
                Finding(
                    rule,
                    line,
                    f"runs {what[:100]}",
                    said.message,
                    said.help or f"https://squawkhq.com/docs/{said.rule}",
                    reason,
                ),
            )


def worded(rule: str, names: dict[str, Any], engine: str, line: int, path: Path) -> Finding:
    message = MESSAGES[rule]
    what, why, instead = (fill(text, engine, names) for text in (message.what, message.why, message.instead))
    return Finding(rule, line, what, why, instead, accepted(path, line) if line else None)
