"""Another project, with Flask-Migrate's own migrations/ folder, that is to get this workflow."""

import ast
import subprocess
from dataclasses import dataclass
from pathlib import Path

import flask_migrate

from ..engines.errors import MigrationError

PASSED_OVER = {"migrations", "venv", "env", "node_modules", "tests", "site-packages"}


@dataclass
class Registration:
    """Where the other application says Migrate(app, db), or migrate.init_app(app, db)."""

    path: Path
    last_line: int
    indentation: int
    app: str  # as it is written there
    directory: str | None


def refuse_unfit(project: Path) -> None:
    """Raise MigrationError where nothing could be put there, or nothing could be taken back."""
    migrations = project / "migrations"
    if not (migrations / "env.py").is_file() or not (migrations / "versions").is_dir():
        raise MigrationError(
            f"{project} has no migrations/ with env.py and versions/: `flask db init` makes them there, or "
            "this is not the project's folder."
        )
    if (migrations / "workflow").exists():
        raise MigrationError(f"{project} has this workflow already: `flask db status` there.")
    if "bind_names" in (migrations / "env.py").read_text(encoding="utf-8"):
        raise MigrationError(
            f"{project} migrates several databases (--multidb), whose functions are called otherwise here."
        )
    status = _git(project, "status", "--porcelain")
    if status is None:
        raise MigrationError(
            f"{project} is not in a git repository, so nothing could be taken back: `git init` and commit."
        )
    if status.strip():
        raise MigrationError(
            f"{project} has changes that are not committed ({status.splitlines()[0].strip()}): commit, so "
            "that `git diff` shows what is changed here."
        )


def ignored(project: Path, name: str) -> bool:
    return _git(project, "check-ignore", name) is not None


def _git(project: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(project), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise MigrationError("git is not installed, and without it nothing could be taken back.") from error
    return None if done.returncode else done.stdout


def registrations(project: Path) -> list[Registration]:
    """Find where the application registers Flask-Migrate, in the code and without running it."""
    trees = {
        path: _parse(path) for path in sorted(project.rglob("*.py")) if _counts(path.relative_to(project))
    }
    names = {name for tree in trees.values() for name in _migrates(tree)}
    return [found for path, tree in trees.items() for found in _in_file(path, tree, names)]


def _counts(path: Path) -> bool:
    return not any(part in PASSED_OVER or part.startswith(".") for part in path.parts)


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):  # of another Python, or a template
        return ast.Module([], [])


def _migrates(tree: ast.Module) -> set[str]:
    """Return the names that are given to Migrate(…) in this file."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_migrate(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _is_migrate(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    return called == "Migrate"


def _in_file(path: Path, tree: ast.Module, names: set[str]) -> list[Registration]:
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign | ast.Expr) or not isinstance(node.value, ast.Call):
            continue
        call = node.value
        given = {word.arg: word.value for word in call.keywords}
        app = call.args[0] if call.args else given.get("app")
        late = isinstance(call.func, ast.Attribute) and call.func.attr == "init_app"
        own = late and isinstance(call.func.value, ast.Name) and call.func.value.id in names  # type: ignore[attr-defined]
        if app is None or not (own or _is_migrate(call)):
            continue
        folder = given.get("directory")
        directory = (
            str(folder.value) if isinstance(folder, ast.Constant) else ast.unparse(folder) if folder else None
        )
        found.append(
            Registration(path, node.end_lineno or node.lineno, node.col_offset, ast.unparse(app), directory)
        )
    return found


def is_stock(env: str) -> bool:
    """Whether an env.py is what `flask db init` writes, of the release that is installed here."""
    stock = Path(flask_migrate.__file__).parent / "templates" / "flask" / "env.py"
    return env.split() == stock.read_text(encoding="utf-8").split()
