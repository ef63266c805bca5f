"""Reads `# safe: drops users.nick, unused since 2026-10` in a revision.

It stands on a line of the operation or directly above it, and speaks for that operation only.
"""

import ast
import io
import re
import tokenize
from functools import lru_cache
from pathlib import Path

SAFE = re.compile(r"#\s*safe:\s*(.*\w.*)", re.IGNORECASE)  # a reason has at least a word


def accepted(path: Path, line: int) -> str | None:
    """Return the reason why the operation at this line of the file is safe, or None."""
    text = path.read_text(encoding="utf-8")
    comments, alone = _comments(text)
    first, last = _statement(text, line)
    for number in range(first, last + 1):
        if reason := _reason(comments.get(number)):
            return reason
    above: list[str] = []
    for number in range(first - 1, 0, -1):
        if number not in alone:
            break
        above.insert(0, comments[number])
        if reason := _reason(comments[number]):
            return " ".join([reason, *(comment.lstrip("# ") for comment in above[1:])])
    return None


def _reason(comment: str | None) -> str | None:
    match = SAFE.match(comment or "")
    return match[1].strip() if match else None


@lru_cache(maxsize=32)
def _comments(text: str) -> tuple[dict[int, str], frozenset[int]]:
    """Return the comments by line, and the lines that hold nothing else."""
    found, alone = {}, set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            found[token.start[0]] = token.string
            if not token.line[: token.start[1]].strip():
                alone.add(token.start[0])
    return found, frozenset(alone)


@lru_cache(maxsize=256)
def _statement(text: str, line: int) -> tuple[int, int]:
    """Return first and last line of the smallest statement around a line; of a block, its head only."""
    best = (line, line)
    size = float("inf")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt) and node.end_lineno and node.lineno <= line:
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno
            if line <= last and last - node.lineno < size:
                best, size = (node.lineno, last), last - node.lineno
    return best
