"""Reads the source of a revision: its line that is running, `# safe:` comments, and what downgrade() does.

`# safe: drops users.nick, unused since 2026-10` accepts a warning. The comment is on a line of the
operation or directly above it, and applies to that operation only.
"""

import ast
import inspect
import io
import os
import re
import tokenize
from functools import lru_cache
from pathlib import Path
from types import FrameType

import alembic

ALEMBIC = str(Path(alembic.__file__).parent) + os.sep
SAFE = re.compile(r"#\s*safe:\s*(.*\w.*)", re.IGNORECASE)  # a reason has at least a word


def find_running_line(path: Path) -> tuple[int, bool]:
    """Return the line of the revision in `path` that is on the call stack, and whether Alembic is above it.

    The line is 0 where no code of the revision is running.
    """
    frame: FrameType | None = inspect.currentframe()
    called_by_alembic = False
    while frame := frame.f_back if frame else None:
        file = frame.f_code.co_filename
        if file.endswith(path.name) and Path(file).resolve() == path.resolve():
            return frame.f_lineno, called_by_alembic
        called_by_alembic |= file.startswith(ALEMBIC)
    return 0, False


def find_suppression(path: Path, line: int) -> str | None:
    """Return the reason that the file gives why the operation at this line is safe, or None."""
    text = path.read_text(encoding="utf-8")
    comments, comment_lines = _parse_comments(text)
    first, last = _find_statement(text, line)
    for number in range(first, last + 1):
        if reason := _parse_reason(comments.get(number)):
            return reason
    above: list[str] = []
    for number in range(first - 1, 0, -1):
        if number not in comment_lines:
            break
        above.insert(0, comments[number])
        if reason := _parse_reason(comments[number]):
            return " ".join([reason, *(comment.lstrip("# ") for comment in above[1:])])
    return None


def _parse_reason(comment: str | None) -> str | None:
    match = SAFE.match(comment or "")
    return match[1].strip() if match else None


@lru_cache(maxsize=32)
def _parse_comments(text: str) -> tuple[dict[int, str], frozenset[int]]:
    """Return the comments by line, and the lines that contain nothing but a comment."""
    comments, comment_lines = {}, set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments[token.start[0]] = token.string
            if not token.line[: token.start[1]].strip():
                comment_lines.add(token.start[0])
    return comments, frozenset(comment_lines)


@lru_cache(maxsize=256)
def _find_statement(text: str, line: int) -> tuple[int, int]:
    """Return the first and last line of the smallest statement around a line; of a block, its head only."""
    best = (line, line)
    size = float("inf")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt) and node.end_lineno and node.lineno <= line:
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno
            if line <= last and last - node.lineno < size:
                best, size = (node.lineno, last), last - node.lineno
    return best


def find_missing_downgrade(path: Path, suffix: str) -> int | None:
    """Return the line of a downgrade() that does nothing although upgrade() does something, or None.

    `suffix` is what both names end in for a database other than the default one.
    """
    functions = _parse_functions(path)
    if not suffix and "upgrade_" in functions and functions.get("upgrade", functions["upgrade_"]).args.args:
        suffix = "_"  # of Flask-Migrate's --multidb: upgrade(engine_name) calls upgrade_<name>()
    upgrade, downgrade = functions.get(f"upgrade{suffix}"), functions.get(f"downgrade{suffix}")
    if upgrade is None or _is_empty(upgrade):
        return None
    if downgrade is None:
        return upgrade.lineno
    return downgrade.lineno if _is_empty(downgrade) else None


def find_irreversible_reason(path: Path, name: str) -> str | None:
    """Return the reason that the function `name` gives if all it does is raise an exception, or None."""
    function = _parse_functions(path).get(name)
    body = [node for node in function.body if not _is_docstring(node)] if function else []
    if len(body) == 1 and isinstance(body[0], ast.Raise):
        reasons = [node.value for node in ast.walk(body[0]) if isinstance(node, ast.Constant)]
        return str(reasons[0]) if reasons else "no reason given"
    return None


def _parse_functions(path: Path) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _is_empty(function: ast.FunctionDef) -> bool:
    return all(isinstance(node, ast.Pass) or _is_docstring(node) for node in function.body)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def find_enums(path: Path) -> list[tuple[str | None, list[str], int]]:
    """Return the name, the values and the length of each Enum in a revision.

    An engine without enum types, and an Enum with native_enum=False, store the length of the longest value.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Enum":
            values = [value.value for value in node.args if isinstance(value, ast.Constant)]
            given = {each.arg: getattr(each.value, "value", None) for each in node.keywords}
            if values and len(values) == len(node.args):
                texts = [str(value) for value in values]
                found.append((given.get("name"), texts, given.get("length") or max(map(len, texts))))
    return found
