"""Whether a revision has a downgrade, as far as its file says."""

import ast
from pathlib import Path


def missing_downgrade(path: Path, suffix: str) -> int | None:
    """Return the line of a downgrade() that does nothing although upgrade() does something.

    `suffix` is what both names end in for another than the default database.
    """
    functions = {
        node.name: node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    if not suffix and "upgrade_" in functions and functions.get("upgrade", functions["upgrade_"]).args.args:
        suffix = "_"  # of Flask-Migrate's --multidb: upgrade(engine_name) calls upgrade_<name>()
    upgrade, downgrade = functions.get(f"upgrade{suffix}"), functions.get(f"downgrade{suffix}")
    if upgrade is None or _does_nothing(upgrade):
        return None
    if downgrade is None:
        return upgrade.lineno
    return downgrade.lineno if _does_nothing(downgrade) else None


def _does_nothing(function: ast.FunctionDef) -> bool:
    return all(isinstance(node, ast.Pass) or _is_remark(node) for node in function.body)


def _is_remark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
