"""Histories written by hand, which costs less than having `flask db new` write and prove each revision."""

import re
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect

from flask_safe_migrations import runtime
from flask_safe_migrations.revisions import manifest

ENGINES = ["sqlite", "postgresql", "mariadb"]
HEADER = """import datetime
import uuid

import sqlalchemy as sa
from alembic import op

revision = {name!r}
down_revision = {down!r}
"""
# Revisions of several tests.
ITEM = """
def upgrade():
    op.create_table("item", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(80)))
def downgrade():
    op.drop_table("item")
"""
# A revision for any table, and its model.
TABLE = """
def upgrade():
    op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("{0}")
"""
MODEL = "class {}(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
DROP_NICK = """
def upgrade():
    with op.batch_alter_table("user") as batch:
        batch.drop_column("nick")


def downgrade():
    with op.batch_alter_table("user") as batch:
        batch.add_column(sa.Column("nick", sa.String(20)))
"""
NOTHING = """
def downgrade():
    raise NotImplementedError("not part of this test")
"""


def write_revision(project: Any, name: str, body: str) -> Path:
    """Write a revision on top of the newest, with a `downgrade()` that refuses unless `body` has one."""
    texts = [path.read_text() for path in project.versions]
    found = {_assigned("revision", text) for text in texts}
    heads = found - {_assigned("down_revision", text) for text in texts}
    path = project.migrations / "versions" / f"{len(texts):04}_{name[:40]}.py"
    body = body if "def downgrade" in body else f"{body}\n{NOTHING}"
    path.write_text(
        f'"""{name[:40]}"""\n{HEADER.format(name=name, down=heads.pop() if heads else None)}\n{body}'
    )
    list_revisions(project)
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def list_revisions(project: Any) -> None:
    """Write migrations/HEAD, as `flask db new` does it."""
    with project.create_app().app_context():
        manifest.write(runtime.directory())


def newest(project: Any) -> Path:
    """Return the file of the head."""
    texts = {path: path.read_text() for path in project.versions}
    parents = {_assigned("down_revision", text) for text in texts.values()}
    (head,) = [path for path, text in texts.items() if _assigned("revision", text) not in parents]
    return head


def _assigned(name: str, text: str) -> str | None:
    found = re.search(rf"^{name}(?:: [\w| ]+)? = ['\"](.+)['\"]$", text, re.MULTILINE)
    return found[1] if found else None


def tables(project: Any) -> set[str]:
    engine = create_engine(project.url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def columns(project: Any, table: str) -> set[str]:
    engine = create_engine(project.url)
    try:
        return {column["name"] for column in inspect(engine).get_columns(table)}
    finally:
        engine.dispose()


def stored_revision(project: Any, version_table: str = "alembic_version") -> str | None:
    rows = project.sql(f"SELECT version_num FROM {version_table}")
    return rows[0][0] if rows else None
