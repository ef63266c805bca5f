"""Writes modules with models of existing databases, one for each bind."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import settings
from ..backends.base import Database
from ..code_style import format_file
from ..errors import MigrationError
from .reflection import reflect_tables

# Runs in another process: errors in relationships only appear when all mappers are configured.
CONFIGURE_MAPPERS = """
import importlib, sys, warnings
warnings.simplefilter("error")
importlib.import_module(f"{sys.argv[1]}.models").load()
from sqlalchemy.orm import configure_mappers
configure_mappers()
"""
LINE_LENGTH = 110  # as in pyproject.toml


class NotMatchingError(MigrationError):
    """The models that were written do not match the database."""


@dataclass
class Module:
    """A module of models that was generated, and the number of tables in it."""

    path: Path
    text: str
    tables: int


def generate_modules(databases: list[Database], *, with_relationships: bool) -> list[Module]:
    """Generate the models; nothing is written. Raises MigrationError."""
    try:
        from .generator import Generator
    except ModuleNotFoundError as error:
        raise MigrationError(
            f"{error.name}, which writes the models, is not installed: "
            "run uv add --dev 'flask-safe-migrations[models]'."
        ) from error
    db: Any = settings.active().db
    modules = []
    for database in databases:
        metadata = reflect_tables(database, db.metadata.naming_convention)
        count = len(metadata.tables)
        with database.connect() as connection:
            body = Generator(
                metadata, connection, database.bind, with_relationships=with_relationships
            ).generate()
        which = f"bind {database.bind!r}" if database.bind else "default"
        docstring = f'"""The tables of the {which} database, when it was adopted."""\n\n'
        name = "_".join([*re.findall(r"\w+", database.bind or ""), "tables.py"])
        modules.append(Module(settings.active().package_folder / "models" / name, docstring + body, count))
    return modules


def write_modules(modules: list[Module]) -> None:
    """Write the modules, formatted by ruff if it is installed."""
    for module in modules:
        module.path.write_text(module.text, encoding="utf-8")
        format_file(module.path, fix="I,UP,F401")
        _ignore_long_lines(module.path)


def _ignore_long_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if any(len(line) > LINE_LENGTH for line in text.splitlines()):
        path.write_text(f"# ruff: noqa: E501\n{text}", encoding="utf-8")


def find_error() -> str | None:
    """Return the error that the written models raise, or None."""
    current = settings.active()
    command = [sys.executable, "-c", CONFIGURE_MAPPERS, current.import_name]
    result = subprocess.run(  # noqa: S603
        command, cwd=current.project_folder, capture_output=True, text=True, check=False
    )
    if not result.returncode:
        return None
    return (result.stderr.strip().splitlines()[-1:] or ["unknown error"])[0]
