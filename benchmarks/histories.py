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


def write_tables(folder: Path, tables: int) -> None:
    """Replace the revisions in `folder` by one that makes all tables."""
    shutil.rmtree(folder)
    folder.mkdir()
    names = [f"table_{number}" for number in range(tables)]
    text = REVISION.format(
        number=0,
        revision=_id(0),
        parent=None,
        upgrade="\n".join(CREATE_TABLE.format(table=name) for name in names),
        downgrade="\n".join(DROP_TABLE.format(table=name) for name in reversed(names)),
    )
    (folder / f"{_id(0)}_change.py").write_text(text)


def write_whole(folder: Path, revisions: int) -> None:
    """Replace the revisions in `folder` by one that makes what all of `write` make."""
    shutil.rmtree(folder)
    folder.mkdir()
    made, names = [], [f"table_{number}" for number in range(-(-revisions // 10))]
    for number, name in enumerate(names):
        columns = range(1, min(10, revisions - number * 10))
        more = "".join(
            f'        sa.Column("column_{column}", sa.Integer(), nullable=True),\n' for column in columns
        )
        key = '        sa.PrimaryKeyConstraint("id"'
        made.append(CREATE_TABLE.format(table=name).replace(key, more + key))
    text = REVISION.format(
        number=0,
        revision=_id(0),
        parent=None,
        upgrade="\n".join(made),
        downgrade="\n".join(DROP_TABLE.format(table=name) for name in reversed(names)),
    )
    (folder / f"{_id(0)}_change.py").write_text(text)


def models(tables: int, columns: int) -> str:
    """Return the code of models for `write` or `write_tables`, and one column that no revision has."""
    return f"""
def columns(number):
    yield db.Column("id", db.Integer, primary_key=True)
    yield db.Column("name", db.String(50), nullable=False)
    for column in range(1, {columns}):
        yield db.Column(f"column_{{column}}", db.Integer)
    if number == 0:
        yield db.Column("new", db.Integer)


for number in range({tables}):
    db.Table(f"table_{{number}}", db.metadata, *columns(number))
"""


def _id(number: int) -> str:
    return f"{number:012x}"
