"""Four facts about the revisions, each run on an empty database of this project's engine.

https://pytest-alembic.readthedocs.io/en/latest/api.html#built-in-tests
"""

import subprocess
import sys
from pathlib import Path

from pytest_alembic.tests import (
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)

__all__ = [
    "test_model_definitions_match_ddl",
    "test_single_head_revision",
    "test_up_down_consistency",
    "test_upgrade",
]

EVERY_MODULE = """
import pkgutil, importlib, {{ cookiecutter.package_name }} as package
from {{ cookiecutter.package_name }}.database import db
package.models.load()
known = set(db.metadata.tables)
for module in pkgutil.walk_packages(package.__path__, "{{ cookiecutter.package_name }}."):
    importlib.import_module(module.name)
print(*sorted(set(db.metadata.tables) - known))
"""


def test_every_model_is_registered() -> None:
    """A model outside models/ would be missing when a revision is made, and its table be dropped."""
    result = subprocess.run(
        [sys.executable, "-c", EVERY_MODULE],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert not result.stdout.strip(), f"move these tables' models into models/: {result.stdout}"
