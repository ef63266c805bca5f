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
        self.given: dict[str, list[str]] = {kind: [] for kind in SHAPES}
        self.unused: set[tuple[str, str]] = set()
        self.asks = output.reporter().can_ask
        for text in given:
            kind, _, value = text.partition("=")
            if kind in SHAPES:
                self._add(kind, value)

    def _add(self, kind: str, text: str) -> None:
        shape, needed = SHAPES[kind]
        key, _, value = text.partition(_separator(kind))
        if needed not in text or not key or (kind.startswith("rename") and not value):
            raise UsageError(f"--{kind} takes {shape}, not {text!r}.")
        self.given[kind].append(text)
        self.unused.add((kind, text))

    def get(self, kind: str, key: str) -> str | None:
        """Return the answer for this table or column, or None. Its name may contain the separator."""
        for text in self.given[kind]:
            if text == key or (kind != "drop" and text.startswith(key + _separator(kind))):
                self.unused.discard((kind, text))
                return text[len(key) + 1 :]
        return None

    def confirm(self, question: str) -> bool:
        return output.reporter().confirm(question)

    def check_all_used(self) -> None:
        """Raise an error for an answer without a question, which is most likely a typing error."""
        for kind, text in sorted(self.unused):
            raise MigrationError(
                f"--{kind} {text} fits no difference between models and revisions: nothing was written."
            )


def _separator(kind: str) -> str:
    return "=" if kind == "default" else ":"


def answer_command(option: str, value: str) -> str:
    """Return the command that gives an answer, quoted for a shell."""
    return f'`flask db new -m "…" --{option} {output.quote(value)}`'
