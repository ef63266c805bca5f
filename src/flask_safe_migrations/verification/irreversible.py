"""Whether a revision says that it cannot be taken back."""

import ast
from pathlib import Path


def irreversible(path: Path, name: str = "downgrade") -> str | None:
    """Return the reason that this function gives which does nothing but raise, or None."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            raised = [part for part in node.body if not _is_docstring(part)]
            if len(raised) == 1 and isinstance(raised[0], ast.Raise):
                reasons = [part.value for part in ast.walk(raised[0]) if isinstance(part, ast.Constant)]
                return str(reasons[0]) if reasons else "no reason given"
    return None


def _is_docstring(part: ast.stmt) -> bool:
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
