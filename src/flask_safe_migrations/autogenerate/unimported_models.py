"""Finds models in files that the application has not imported, so that autogenerate does not see them.

The files are only read: to import them could have any effect.
"""

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from .. import settings

# Folders that hold no models of the application, besides hidden ones and virtual environments.
OTHER_FOLDERS = {"__pycache__", "build", "migrations", "node_modules", "site-packages", "test", "tests"}
SIGNS = (b"__tablename__", b".Model")  # one of them is in every file with a model


def describe_unimported_models() -> list[str]:
    """Return a sentence, without its period, for each file of the application with such models."""
    active = settings.active()
    return [
        f"{active.relative(path)} is not imported, so its models are not seen ({', '.join(models)}): "
        "import it where the application is created"
        for path, models in find_unimported_models(active.import_name).items()
    ]


def find_unimported_models(import_name: str) -> dict[Path, list[str]]:
    """Return the names of the model classes in each file of an application that was not imported.

    A class is a model if it sets `__tablename__`, or if a base class is called `Model`, as in `db.Model`.

    :param import_name: the import name of the application. Of `shop.web`, all of `shop` is searched; beside a
        single module such as `app`, its folder.
    """
    module = sys.modules.get(import_name.partition(".")[0])
    if module is None:
        return {}
    folders = [Path(folder) for folder in getattr(module, "__path__", [])]
    if not folders and (file := _file_of(module)):
        folders = [file.parent]
    imported = {file.resolve() for each in [*sys.modules.values()] if (file := _file_of(each))}
    return {
        path: models
        for folder in folders
        for path in _walk(folder)
        if path.resolve() not in imported and (models := _read_models(path))
    }


def _file_of(module: object) -> Path | None:
    file = getattr(module, "__file__", None)  # some modules answer to every name
    return Path(file) if isinstance(file, str) else None


def _walk(top: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(top):
        path = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in OTHER_FOLDERS
            and not name.startswith(".")
            and not (path / name / "pyvenv.cfg").exists()
        )
        for name in sorted(files):
            if name.endswith(".py") and not name.startswith("test_") and name != "conftest.py":
                yield path / name


def _read_models(path: Path) -> list[str]:
    try:
        source = path.read_bytes()
        if not any(sign in source for sign in SIGNS):
            return []
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):  # nobody imports such a file
        return []
    return [each.name for each in ast.walk(tree) if isinstance(each, ast.ClassDef) and _is_model(each)]


def _is_model(node: ast.ClassDef) -> bool:
    names = {
        target.id
        for line in node.body
        for target in _targets(line)
        if isinstance(target, ast.Name)  # a model may also set an attribute of something else
    }
    if "__abstract__" in names:
        return False
    bases = {getattr(base, "attr", None) for base in node.bases}
    return "__tablename__" in names or "Model" in bases


def _targets(line: ast.stmt) -> list[ast.expr]:
    if isinstance(line, ast.AnnAssign):
        return [line.target]
    return line.targets if isinstance(line, ast.Assign) else []
