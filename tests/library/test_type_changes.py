"""Changes of a type that PostgreSQL does not make by itself."""

import pytest

# The type and the default before, and after.
WITH_A_DEFAULT = [
    ('db.Text, server_default="7", nullable=False', 'db.Integer, server_default="7", nullable=False'),
    (
        'db.Integer, server_default="0", nullable=False',
        "db.Boolean, server_default=db.false(), nullable=False",
    ),
    ("db.Boolean, server_default=db.true()", 'db.Integer, server_default="1"'),
    ('db.String(9), server_default="a"', 'pg.ENUM("a", "b", name="letter"), server_default="b"'),
    ('pg.ARRAY(db.Integer), server_default="{}"', 'pg.ARRAY(db.String(9)), server_default="{}"'),
    ('db.Text, server_default="{}"', "pg.JSONB, server_default=db.text(\"'{}'::jsonb\")"),
    ('db.String(9), server_default="7"', "db.Integer"),
    ("db.Text", "db.Interval, server_default='1 day'"),
]


@pytest.mark.parametrize(("before", "after"), WITH_A_DEFAULT)
def test_a_default_that_postgresql_does_not_convert(project_on, before, after):
    """https://www.postgresql.org/docs/current/sql-altertable.html: USING does not apply to it."""
    project = project_on("postgresql")
    models = (
        "from sqlalchemy.dialects import postgresql as pg\n\n\nclass Item(db.Model):\n"
        "    id = db.Column(db.Integer, primary_key=True)\n    value = db.Column({})\n"
    )
    project.models = models.format(before)
    project.flask("new", "-m", "start")
    project.models = models.format(after)
    assert "Proved" in project.flask("new", "-m", "other type")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
