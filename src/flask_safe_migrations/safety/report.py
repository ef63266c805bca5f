"""The warnings about a revision: our rules and squawk's without duplicates, accepted ones marked."""

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
from .messages import MESSAGES, fill_in
from .recorder import RecordedOperation
from .revision_source import find_missing_downgrade, find_suppression
from .rules import OperationContext, iterate_contexts

# Our rules know the table as it was before: where they report nothing about these, the operation is safe.
AUTHORITATIVE_RULES = {"change_type", "set_not_null", "rename_table", "drop_column", "rename_column"}


@dataclass(frozen=True)
class Finding:
    """A warning about one line of a revision.

    :param rule: the key of its message.
    :param what: what the revision does.
    :param why: why that is dangerous.
    :param instead: the safe code.
    :param accepted: the reason that a `# safe:` comment gives, None where there is none.
    """

    rule: str
    line: int
    what: str
    why: str
    instead: str
    accepted: str | None

    def __str__(self) -> str:
        if self.accepted:
            return f"line {self.line}: {self.what} (accepted: {self.accepted})"
        code = "\n".join(f"      {line}" for line in self.instead.splitlines())
        return f"line {self.line}: {self.what}\n    {self.why}\n    Safer:\n{code}"


def find_warnings(operations: list[RecordedOperation], database: Database, path: Path) -> list[Finding]:
    """Return what is dangerous about an upgrade.

    :param operations: what the upgrade does, from `record_operations()`.
    :param database: the database it was recorded on.
    :param path: the file of the revision.
    """
    results: list[Result] = [*_apply_rules(operations, database.title, path)]
    if database.title == "PostgreSQL":
        results += _apply_squawk(operations, results, database.title, path)
    if line := find_missing_downgrade(path, binds.suffix(database.bind)):
        results.append((None, _fill_in_message("no_downgrade", {}, database.title, line, path)))
    judged_by_squawk = {id(recorded) for recorded, finding in results if finding.rule.startswith("squawk")}
    unique: dict[tuple[int, str], Finding] = {}
    for recorded, finding in results:
        if not (finding.rule == "raw_sql" and id(recorded) in judged_by_squawk):
            unique.setdefault((finding.line, finding.what), finding)
    disabled = get_disabled_rules()
    enabled = [finding for finding in unique.values() if finding.rule not in disabled]
    return sorted(enabled, key=lambda finding: finding.line)


def get_disabled_rules() -> frozenset[str]:
    """Return the setting MIGRATION_DISABLED_CHECKS.

    :raises MigrationError: where it names a rule that does not exist.
    """
    names = settings.active().disabled_checks
    unknown = sorted(name for name in names if name not in MESSAGES and not name.startswith("squawk: "))
    if unknown:
        raise MigrationError(
            f"MIGRATION_DISABLED_CHECKS names {unknown[0]}, and there is no such rule: use "
            f"{', '.join(sorted(MESSAGES))}, or `squawk: ` and the name of a rule of squawk."
        )
    return names


Result = tuple[RecordedOperation | None, Finding]


def _apply_rules(operations: list[RecordedOperation], engine: str, path: Path) -> Iterator[Result]:
    for context in iterate_contexts(operations, engine):
        for rule, parameters in context.apply_rules():
            yield context.recorded, make_finding(context, rule, parameters, path)


def _apply_squawk(
    operations: list[RecordedOperation], ours: list[Result], engine: str, path: Path
) -> Iterator[Result]:
    """Yield what squawk reports and our rules do not."""
    contexts = {id(context.recorded): context for context in iterate_contexts(operations, engine)}
    for violation in squawk.run(operations, settings.active().project_folder):
        recorded = violation.recorded
        context = contexts[id(recorded)]
        equivalent = squawk.EQUIVALENT_RULES.get(violation.rule, ())
        if context.is_new or any(other is recorded and found.rule in equivalent for other, found in ours):
            continue
        if not isinstance(context.operation, ExecuteSQLOp) and equivalent:
            if not AUTHORITATIVE_RULES.intersection(equivalent):
                yield recorded, make_finding(context, equivalent[0], {}, path)
        else:
            statement = " ".join("".join(recorded.statements[:1]).split())
            yield (
                recorded,
                Finding(
                    rule=f"squawk: {violation.rule}",
                    line=recorded.line,
                    what=f"runs {statement[:100]}",
                    why=violation.message,
                    instead=violation.help or f"https://squawkhq.com/docs/{violation.rule}",
                    accepted=find_suppression(path, recorded.line),
                ),
            )


def make_finding(context: OperationContext, rule: str, parameters: dict[str, Any], path: Path) -> Finding:
    """Return a finding about the operation of the context.

    :param rule: the key of the message.
    :param parameters: what its text contains besides `context.message_parameters()`.
    """
    parameters = context.message_parameters() | parameters
    return _fill_in_message(rule, parameters, context.engine, context.recorded.line, path)


def _fill_in_message(rule: str, parameters: dict[str, Any], engine: str, line: int, path: Path) -> Finding:
    message = MESSAGES[rule]
    what, why, instead = (
        fill_in(text, engine, parameters) for text in (message.what, message.why, message.instead)
    )
    return Finding(rule, line, what, why, instead, find_suppression(path, line) if line else None)
