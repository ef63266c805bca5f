"""`flask db browse`: inspect the development database in a web browser."""

from importlib.util import find_spec

import click
from flask.cli import with_appcontext

from ..backends.base import Database
from ..errors import MigrationError
from ..runtime import binds
from ..runtime.checks import outside_development
from ..runtime.errors import one_sentence


@click.command()
@click.option("--port", default=18080, show_default=True, help="The port on 127.0.0.1.")
@click.option("--write", is_flag=True, help="Rows can be changed as well; without it, the database refuses.")
@with_appcontext
def browse(port: int, write: bool) -> None:
    """Show tables, schema and rows of the development database on http://127.0.0.1:18080."""
    if find_spec("flask_admin") is None:
        raise MigrationError(
            "Flask-Admin is not installed, which shows the tables: "
            "uv add --dev 'flask-safe-migrations[browse]'."
        )
    from ..contrib.browse import serving

    databases = binds.databases()
    for database in databases:
        with one_sentence(database):
            _refuse(database)
    with serving.listen(port) as listener:
        serving.serve(listener, databases, write=write)


def _refuse(database: Database) -> None:
    if not database.exists():
        raise MigrationError(f"{database} does not exist yet: `flask db rebuild` makes it.")
    if reason := outside_development(database):
        raise MigrationError(f"This database is not opened: {reason}.")
