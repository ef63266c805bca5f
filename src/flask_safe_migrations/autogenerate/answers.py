"""The developer's answers to ambiguous differences: given on the command line, or asked for."""

from collections.abc import Iterable

from .. import output
from ..errors import MigrationError, UsageError

SHAPES = {
    "rename": ("table.column:new_name", "."),
    "rename-table": ("table:new_name", ":"),
    "drop": ("table or table.column", ""),
    "default": ("table.column=value", "="),
}


class Answers:
    """The answers of one command.

    :param given: those of the command line, as name=value.
    """

    def __init__(self, given: Iterable[str]) -> None:
        self.given: dict[str, dict[str, str]] = {kind: {} for kind in SHAPES}
        self.unused: set[tuple[str, str]] = set()
        self.asks = output.reporter().can_ask
        for text in given:
            kind, _, value = text.partition("=")
            if kind in SHAPES:
                self._add(kind, value)

    def _add(self, kind: str, text: str) -> None:
        shape, needed = SHAPES[kind]
        key, _, value = text.partition("=" if kind == "default" else ":")
        if needed not in text or not key or (kind.startswith("rename") and not value):
            raise UsageError(f"--{kind} takes {shape}, not {text!r}.")
        self.given[kind][key] = value
        self.unused.add((kind, key))

    def get(self, kind: str, key: str) -> str | None:
        if key in self.given[kind]:
            self.unused.discard((kind, key))
        return self.given[kind].get(key)

    def confirm(self, question: str) -> bool:
        return output.reporter().confirm(question)

    def check_all_used(self) -> None:
        """Raise an error for an answer without a question, which is most likely a typing error."""
        for kind, key in sorted(self.unused):
            raise MigrationError(
                f"--{kind} {key} fits no difference between models and revisions: nothing was written."
            )


def answer_command(option: str) -> str:
    """Return the command that gives an answer."""
    return f'`flask db new -m "…" {option}`'
