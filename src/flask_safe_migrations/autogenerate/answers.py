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

    A name may contain a colon or an equals sign, so an answer is compared with the names in question, and
    not split.

    :param given: those of the command line, as name=value.
    """

    def __init__(self, given: Iterable[str]) -> None:
        self.given: dict[str, list[str]] = {kind: [] for kind in SHAPES}
        # The answers that have been used, and for what.
        self.used: dict[tuple[str, str], str] = {}
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
        self.given[kind].append(text)

    def is_dropped(self, name: str) -> bool:
        return self._take("drop", name, name)

    def is_renamed(self, kind: str, old: str, new: str) -> bool:
        return self._take(kind, f"{old}:{new}", old)

    def has_other_name(self, kind: str, old: str) -> bool:
        """Return whether an answer that is not used yet gives `old` another name."""
        return any(text.startswith(f"{old}:") and (kind, text) not in self.used for text in self.given[kind])

    def find_default(self, column: str) -> str | None:
        """Return the value for this column."""
        for text in self.given["default"]:
            if text.startswith(f"{column}=") and self._take("default", text, column):
                return text.removeprefix(f"{column}=")
        return None

    def _take(self, kind: str, text: str, name: str) -> bool:
        if text not in self.given[kind]:
            return False
        if self.used.setdefault((kind, text), name) != name:
            raise MigrationError(
                f"--{kind} {text} fits {self.used[kind, text]} and {name}, and nothing was written: make two "
                "revisions of it."
            )
        return True

    def confirm(self, question: str) -> bool:
        return output.reporter().confirm(question)

    def check_all_used(self) -> None:
        """Raise an error for an answer without a question, which is most likely a typing error."""
        given = [(kind, text) for kind, texts in self.given.items() for text in texts]
        for kind, text in given:
            if (kind, text) not in self.used:
                raise MigrationError(
                    f"--{kind} {text} fits no difference between models and revisions: nothing was written."
                )


def answer_command(option: str, answer: str) -> str:
    """Return the command that gives an answer, to be pasted into a shell."""
    return f'`flask db new -m "…" {option} {output.quote(answer)}`'
