"""Where a revision stands while it runs: a digest of its source up to the statement that is being executed.

A value such as ``uuid4()`` or ``now()`` is another one in each run, and so is the SQL. The source tells
whether a statement is still the one that has run.
"""

import ast
import hashlib
import sys
from pathlib import Path
from types import FrameType

BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


class RevisionPosition:
    """Reads the stack of the running revision.

    :param path: its file.
    """

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        tree = ast.parse(path.read_bytes())
        self.functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]

    def digest(self) -> str:
        """Return a digest of each function of the file that is running, up to its current statement.

        Layout and comments do not change it, nor what comes after the statement.
        """
        frame: FrameType | None = sys._getframe(1)
        parts = []
        while frame:
            if frame.f_code.co_filename == self.path:
                parts.append(self._read_until(frame.f_lineno))
            frame = frame.f_back
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _read_until(self, line: int) -> list[str]:
        """Return the statements of the function around this line that do not begin after it."""
        around = [node for node in self.functions if node.lineno <= line <= (node.end_lineno or line)]
        function = max(around, key=lambda node: node.lineno, default=None)
        if function is None:
            return []
        statements = [node for node in ast.walk(function) if isinstance(node, ast.stmt)]
        begun = [node for node in statements if node.lineno <= line and node is not function]
        return [_dump(node) for node in sorted(begun, key=lambda node: (node.lineno, node.col_offset))]


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
