"""How output looks on a terminal: where it is wrapped, and what is coloured. A pipe gets it unchanged.

Click can wrap paragraphs, but breaks the commands and SQL in them. Here, what may be copied stays in one
piece: a command in backquotes, a path, a literal of SQL.
"""

import os
import re
import unicodedata
from typing import Any

from click import style

# A command in backquotes is one word.
WORD = re.compile(r"(?:`[^`\n]+`|\S)+")
# An SQL statement in a list, as `flask db new` shows it.
STATEMENT = re.compile(r"\s*[A-Z]{2,} .*;$", re.DOTALL)
# Parts of SQL that have no words: literals, quoted names, comments.
OPAQUE = r"'(?:[^'\\]|''|\\.)*'|\"[^\"]*\"|`[^`]*`|(\$\w*\$).*?\1|--[^\n]*|/\*.*?\*/"
SQL_WORD = re.compile(rf"(?:{OPAQUE}|\S)+", re.DOTALL)
SQL_PART = re.compile(rf"{OPAQUE}|\b[A-Z]{{2,}}\b", re.DOTALL)
# Code that a warning proposes: it must work when it is pasted.
CODE = re.compile(r" *(?:# |with op\.|(?:batch_)?op\.)")
# By what the lines below are indented: a sign, or the label of `flask db status`, or the spaces in front.
INDENT = re.compile(r" *(?:[✓✗-] |[\w-]+ {2,})?")
MAX_INDENT = 24
ANSI = re.compile(r"\x1b\[[\d;]*m")
MARKED = re.compile(r"`[^`\n]+`|\b[0-9a-f]{12}\b")
# By the first word of a line.
COLORS = {
    "green": ("✓",),
    "red": ("✗", "Error"),
    "yellow": ("Changed", "Heads", "Lock", "Pending", "Waiting", "Warning"),
}
# The same for an indented line: what a revision does, or how a database differs.
CHANGES = {
    "green": ("add", "adds", "create", "creates", "gives", "puts"),
    "red": ("deletes", "drop", "drops", "remove", "removes"),
    "yellow": ("changes", "makes", "modify", "renames"),
}


def is_terminal(stream: Any) -> bool:
    """Return whether a person looks at the stream."""
    return bool(stream.isatty())


def can_erase(stream: Any) -> bool:
    """Return whether it is a terminal on which a line can be replaced. An editor's shell is often not."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def has_color(stream: Any) -> bool:
    """Return whether to write colours: on a terminal, unless the user's environment says otherwise.

    https://no-color.org https://force-color.org https://bixense.com/clicolors
    """
    environ = os.environ
    if environ.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if environ.get(name):
            return environ[name] != "0"
    return can_erase(stream) and environ.get("CLICOLOR") != "0"


def get_width(stream: Any) -> int | None:
    """Return the width of the terminal; None for a pipe, where nothing is wrapped."""
    if not is_terminal(stream):
        return None
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (AttributeError, OSError, ValueError):  # not a stream of the system
        columns = 0
    set_by_user = os.environ.get("COLUMNS", "")
    return columns or (int(set_by_user) if set_by_user.isdecimal() else 0) or 80


def measure(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    text = ANSI.sub("", text)
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def format_for(stream: Any, text: str) -> str:
    """Wrap and colour the text, if a person looks at the stream."""
    return format_text(text, get_width(stream), color=has_color(stream))


def format_text(text: str, width: int | None = None, *, color: bool = False, hanging: int = 2) -> str:
    """Wrap between words, with a hanging indent, and colour what has a meaning.

    >>> print(format_text("Read the file, then apply it with `flask db upgrade`.", 40))
    Read the file, then apply it with
      `flask db upgrade`.
    """
    if STATEMENT.match(text):
        return format_sql(text, width, color=color)
    if color:
        text = "\n".join(map(_color_line, text.split("\n")))
    return _wrap(text, width, WORD, hanging) if width else text


def format_sql(sql: str, width: int | None = None, *, color: bool = False) -> str:
    """Wrap between words, so that the statements stay the same, and colour the keywords."""
    if color:
        sql = SQL_PART.sub(_color_sql, sql)
    return _wrap(sql, width, SQL_WORD) if width else sql


def _wrap(text: str, width: int, words: re.Pattern[str], hanging: int = 2) -> str:
    parts: list[str] = []
    end = column = 0
    indent, is_code = "", False
    for word in words.finditer(text):
        gap = text[end : word.start()]
        if "\n" in gap or not parts:
            column = len(gap.rpartition("\n")[2])
            line = text[text.rfind("\n", 0, word.start()) + 1 :]
            indent, is_code = _indent(line, hanging), bool(CODE.match(line))
        else:
            length = measure(word[0].partition("\n")[0])
            # What is longer than a line is left to the terminal, so that it can be copied.
            if column + len(gap) + length > width >= len(indent) + length and not is_code:
                gap, column = f"\n{indent}", len(indent)
            else:
                column += len(gap)
        _, line_break, last = word[0].rpartition("\n")
        column = measure(last) + (0 if line_break else column)
        column = column % width if column > width else column
        parts += [gap, word[0]]
        end = word.end()
    return "".join(parts) + text[end:]


def _indent(line: str, hanging: int) -> str:
    line = ANSI.sub("", line)
    found = INDENT.match(line)
    spaces = len(line) - len(line.lstrip(" "))
    longest = len(found[0]) if found else 0
    return " " * (longest if spaces < longest <= MAX_INDENT else spaces + hanging)


def _color_line(line: str) -> str:
    first = re.match(r"( *)([^\s,:_]+)", line)
    if not first:
        return line
    spaces, word = first.groups()
    color = _find_color(COLORS, word) or (_find_color(CHANGES, word) if spaces else None)
    if color is None or line.endswith("  nothing"):  # is pending
        return MARKED.sub(_color_mark, line)
    start = f"{spaces}{style(word, fg=color, bold=(color == 'red') or None)}"
    return start + MARKED.sub(_color_mark, line[first.end() :])


def _find_color(colors: dict[str, tuple[str, ...]], word: str) -> str | None:
    return next((color for color, words in colors.items() if word in words), None)


def _color_mark(found: re.Match[str]) -> str:
    return style(found[0], bold=True) if found[0].startswith("`") else style(found[0], fg="cyan")


def _color_sql(part: re.Match[str]) -> str:
    if part[0].startswith(("--", "/*")):
        return style(part[0], dim=True)
    return style(part[0], fg="blue") if part[0].isalpha() else part[0]
