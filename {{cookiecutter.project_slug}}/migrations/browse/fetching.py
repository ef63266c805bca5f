"""Brings Flask-Admin into this process: it is wanted now and then, so it is no dependency of the project."""

import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import click

from ..engines import ROOT
from ..engines.errors import MigrationError

PACKAGE = "flask-admin>=2.2.1,<3"


def make_importable() -> None:
    """Install it into instance/, once, unless it is there; raises MigrationError where that fails."""
    if find_spec("flask_admin"):
        return
    folder = ROOT / "instance" / f"flask-admin-2.2-python{sys.version_info[0]}.{sys.version_info[1]}"
    if not folder.exists():
        _install(folder)
    # At the end: what the project has installed itself comes first.
    sys.path.append(str(folder))


def _install(folder: Path) -> None:
    click.echo("Fetching Flask-Admin, which shows the tables (once) ...", err=True)
    folder.parent.mkdir(exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="fetching-", dir=folder.parent))
    try:
        command = [*_installer(), "--quiet", "--target", str(unfinished), PACKAGE]
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if result.returncode:
            reason = (result.stderr.strip() or "it does not say why").splitlines()[0]
            raise MigrationError(
                f"Flask-Admin, which shows the tables, cannot be fetched from the package index ({reason}): "
                "with a network, try again; nothing else needs it."
            )
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _installer() -> list[str]:
    """Return the beginning of a command that installs: uv, else pip."""
    if uv := shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent)):
        return [uv, "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
