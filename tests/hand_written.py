"""Revisions and databases that tests write by hand, past the commands."""

import re
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

REVISION = '''"""{name}"""

import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = {down!r}


{body}
'''
NO_DOWNGRADE = "\n\ndef downgrade():\n    pass\n"
DRIVERS = {"sqlite": None, "postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}
IDS = "    id = db.Column(db.Integer, primary_key=True)\n"


def write_revision(project: Any, name: str, body: str, down: str | None = None) -> Path:
    """Write a revision; `body` is its functions. It follows the newest one, or the revision `down`."""
    texts = "".join(path.read_text() for path in project.versions)
    parents = set(re.findall(r"^down_revision = ['\"](.+)['\"]$", texts, re.MULTILINE))
    heads = set(re.findall(r"^revision = ['\"](.+)['\"]$", texts, re.MULTILINE)) - parents
    path = project.migrations / "versions" / f"z{len(project.versions):04}_{name}.py"
    path.write_text(REVISION.format(name=name, down=down or (heads.pop() if heads else None), body=body))
    return path


def upgrade(*lines: str) -> str:
    """Return an upgrade() of these lines, with a downgrade() that does nothing."""
    return "def upgrade():\n" + "".join(f"    {line}\n" for line in lines) + NO_DOWNGRADE


def with_table(project: Any, columns: str, table: str = "users") -> None:
    """Give the project a model with these columns, and a database that has it."""
    project.models = model(columns, table)
    if not project.migrations.exists():
        project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")


def model(columns: str, table: str = "users") -> str:
    lines = "".join(f"    {line.strip()}\n" for line in columns.strip().splitlines())
    return f"class Model(db.Model):\n    __tablename__ = {table!r}\n{IDS}{lines}"


def create_database(url: str, options: str = "") -> None:
    """Create a database on a server."""
    address = make_url(url)
    maintenance = "postgres" if address.get_backend_name() == "postgresql" else "mysql"
    engine = create_engine(address.set(database=maintenance), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {address.database} {options}"))
    engine.dispose()
