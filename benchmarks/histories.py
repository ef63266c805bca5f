"""Writes a long history of revisions, the same files into every project they go to."""

import shutil
from pathlib import Path

REVISION = '''"""Change {number}

Revision ID: {revision}
Revises: {parent}
"""

import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {parent!r}
branch_labels = None
depends_on = None


def upgrade():
{upgrade}


def downgrade():
{downgrade}
'''

CREATE_TABLE = """\
    op.create_table(
        "{table}",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_{table}"),
    )"""
DROP_TABLE = '    op.drop_table("{table}")'

# As Flask-Migrate's own autogenerate writes it.
ADD_COLUMN = """\
    with op.batch_alter_table("{table}") as batch_op:
        batch_op.add_column(sa.Column("{column}", sa.Integer(), nullable=True))"""
DROP_COLUMN = """\
    with op.batch_alter_table("{table}") as batch_op:
        batch_op.drop_column("{column}")"""


def write(folder: Path, revisions: int) -> None:
    """Replace the revisions in `folder`: each tenth makes a table, the others add a column."""
    shutil.rmtree(folder)
    folder.mkdir()
    for number in range(revisions):
        up, down = (ADD_COLUMN, DROP_COLUMN) if number % 10 else (CREATE_TABLE, DROP_TABLE)
        names = {"table": f"table_{number // 10}", "column": f"column_{number % 10}"}
        text = REVISION.format(
            number=number,
            revision=_id(number),
            parent=_id(number - 1) if number else None,
            upgrade=up.format(**names),
            downgrade=down.format(**names),
        )
        (folder / f"{_id(number)}_change.py").write_text(text)


def _id(number: int) -> str:
    return f"{number:012x}"
