"""Alembic's environment: `flask db`, plain `alembic` and the tests come through here."""

from alembic import context
from flask_safe_migrations import Environment

from {{ cookiecutter.package_name }} import create_app

environment = Environment(
    context,
    create_app,
    render_as_batch=True,  # SQLite has no ALTER: rebuild the table, and keep all that refers to it
    compare_type=True,
    compare_server_default=True,
)  # names of constraints: NAMING_CONVENTION in {{ cookiecutter.package_name }}/database.py

if context.is_offline_mode():
    environment.run_offline()
else:
    environment.run_online()
