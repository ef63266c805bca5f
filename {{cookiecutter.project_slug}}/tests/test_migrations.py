"""Check the revisions, each time on an empty database of this project's engine.

https://pytest-alembic.readthedocs.io/en/latest/api.html#built-in-tests
"""

from flask_safe_migrations.testing import unregistered
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


def test_every_model_is_registered() -> None:
    """A model outside models/ would be missing from autogenerate, and its table would be dropped."""
    assert unregistered("{{ cookiecutter.package_name }}") == []
