"""Whether a revision can be taken back, as far as its file says."""

import ast
from pathlib import Path


def missing_downgrade(path: Path) -> int | None:
    """Return the line of a downgrade() that does nothing although upgrade() does something."""
    functions = {
        node.name: node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    upgrade, downgrade = functions.get("upgrade"), functions.get("downgrade")
    if upgrade is None or _does_nothing(upgrade):
        return None
    if downgrade is None:
        return upgrade.lineno
    return downgrade.lineno if _does_nothing(downgrade) else None


def _does_nothing(function: ast.FunctionDef) -> bool:
    return all(isinstance(node, ast.Pass) or _is_remark(node) for node in function.body)


def irreversible(path: Path) -> str | None:
    """Return the reason that a downgrade() gives which does nothing but raise, or None."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
            raised = [part for part in node.body if not _is_remark(part)]
            if len(raised) == 1 and isinstance(raised[0], ast.Raise):
                reasons = [part.value for part in ast.walk(raised[0]) if isinstance(part, ast.Constant)]
                return str(reasons[0]) if reasons else "no reason given"
    return None


def _is_remark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
