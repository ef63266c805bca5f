"""The modules of models/ that describe a database, one for each bind."""

import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import settings
from ..backends.base import Database
from ..errors import MigrationError
from .reflection import reflect

# In a process of its own: what is wrong with a relationship shows when all of them are put together.
CONFIGURE = """
import importlib, sys, warnings
warnings.simplefilter("error")
importlib.import_module(f"{sys.argv[1]}.models").load()
from sqlalchemy.orm import configure_mappers
configure_mappers()
"""
LONG = 110  # as in pyproject.toml


class NotMatchingError(MigrationError):
    """What was written is not what the database has."""


@dataclass
class Module:
    path: Path
    text: str
    tables: int


def modules(databases: list[Database], *, related: bool) -> list[Module]:
    """Write the models, in memory; `related`: with relationships. Raises MigrationError."""
    try:
        from .generator import Generator
    except ModuleNotFoundError as error:
        raise MigrationError(
            f"{error.name} is not installed, which writes models: "
            "uv add --dev 'flask-safe-migrations[models]'."
        ) from error
    db: Any = settings.active().db
    found = []
    for database in databases:
        key = database.bind
        metadata = reflect(database, db.metadata.naming_convention)
        count = len(metadata.tables)
        with database.connect() as connection:
            body = Generator(metadata, connection, key, related=related).generate()
        which = f"bind {key!r}" if key else "default"
        title = f'"""The tables of the {which} database, as they were when it was adopted."""\n\n'
        name = "_".join([*re.findall(r"\w+", key or ""), "tables.py"])
        found.append(Module(settings.active().package_folder / "models" / name, title + body, count))
    return found


def write(found: list[Module]) -> None:
    for module in found:
        module.path.write_text(module.text, encoding="utf-8")
        if importlib.util.find_spec("ruff"):
            for arguments in (["check", "--fix-only", "--select", "I,UP,F401"], ["format"]):
                command = [sys.executable, "-m", "ruff", *arguments, "--quiet", str(module.path)]
                subprocess.run(command, check=False)  # noqa: S603
        _mark_long_lines(module.path)


def _mark_long_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if any(len(line) > LONG for line in text.splitlines()):
        path.write_text(f"# ruff: noqa: E501\n{text}", encoding="utf-8")


def broken() -> str | None:
    """Say what is wrong with the models as they are written, or None."""
    current = settings.active()
    command = [sys.executable, "-c", CONFIGURE, current.import_name]
    result = subprocess.run(  # noqa: S603
        command, cwd=current.project_folder, capture_output=True, text=True, check=False
    )
    if not result.returncode:
        return None
    return (result.stderr.strip().splitlines()[-1:] or ["no reason given"])[0]
