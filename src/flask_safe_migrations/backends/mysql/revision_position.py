"""Where a revision stands while it runs: a digest of its source up to the statement that is being executed.

A value such as ``uuid4()`` or ``now()`` is another one in each run, and so is the SQL. The source tells
whether a statement is still the one that has run.
"""

import ast
import hashlib
import sys
from pathlib import Path
from types import FrameType
from typing import Any

LIBRARY = str(Path(__file__).parents[2])
BACKENDS = str(Path(__file__).parents[1])
BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


class RevisionPosition:
    """Reads the stack of the running revision.

    :param path: its file.
    """

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.module = ast.parse(path.read_bytes())
        self.functions = [node for node in ast.walk(self.module) if isinstance(node, ast.FunctionDef)]

    def is_asking(self) -> bool:
        """Return whether the statement is one of the revision, and not of a check before its operation."""
        frame: FrameType | None = sys._getframe(1)
        while frame and (file := frame.f_code.co_filename) != self.path:
            if file.startswith(LIBRARY) and not file.startswith(BACKENDS):
                return False
            frame = frame.f_back
        return frame is not None

    def digest(self) -> str:
        """Return a digest of each function of the file that is running, up to its current statement.

        It includes what the module defines and these statements refer to: constants and other functions.
        Layout and comments do not change it, nor what comes after the statement.
        """
        frame: FrameType | None = sys._getframe(1)
        begun: list[ast.stmt] = []
        while frame:
            if frame.f_code.co_filename == self.path:
                begun += self._read_until(frame.f_lineno)
            frame = frame.f_back
        parts = [*map(_dump, begun), *map(ast.dump, self._definitions(begun))]
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _definitions(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Return the statements of the module that define the names in these, also indirectly."""
        found: list[ast.stmt] = []
        known: set[str] = set()
        pending = {name for each in statements for name in _names(_without_bodies(each))}
        while pending:
            known |= pending
            new = [each for each in self.module.body if each not in found and _defined(each) & pending]
            found += new
            pending = {name for each in new for name in _names([each])} - known
        return sorted(found, key=lambda each: each.lineno)

    def _read_until(self, line: int) -> list[ast.stmt]:
        """Return the statements of the function around this line that do not begin after it."""
        around = [node for node in self.functions if node.lineno <= line <= (node.end_lineno or line)]
        function = max(around, key=lambda node: node.lineno, default=None)
        if function is None:
            return []
        statements = [node for node in ast.walk(function) if isinstance(node, ast.stmt)]
        begun = [node for node in statements if node.lineno <= line and node is not function]
        return sorted(begun, key=lambda node: (node.lineno, node.col_offset))


def _without_bodies(statement: ast.stmt) -> list[ast.AST]:
    values = [value for name, value in ast.iter_fields(statement) if name not in BODIES]
    items = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return [item for item in items if isinstance(item, ast.AST)]


def _names(nodes: list[Any]) -> set[str]:
    return {name.id for node in nodes for name in ast.walk(node) if isinstance(name, ast.Name)}


def _defined(statement: ast.stmt) -> set[str]:
    """Return the names that a statement of the module defines, without upgrade() and downgrade()."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return set() if statement.name.startswith(("upgrade", "downgrade")) else {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    names = [name for name in ast.walk(statement) if isinstance(name, ast.Name)]
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _dump(statement: ast.stmt) -> str:
    """Return the statement without those inside it, which are listed by themselves."""
    fields = {name: value for name, value in ast.iter_fields(statement) if name not in BODIES}
    dumped = {
        name: [ast.dump(item) if isinstance(item, ast.AST) else item for item in value]
        if isinstance(value, list)
        else ast.dump(value)
        if isinstance(value, ast.AST)
        else value
        for name, value in fields.items()
    }
    return f"{type(statement).__name__}{dumped}"
