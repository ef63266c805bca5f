"""SQLite: a change of type that keeps all values is not warned about."""

import pytest
from histories import write_revision

START = """
def upgrade():
    op.create_table(
        "person",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("value", {type}),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
    )
def downgrade():
    op.drop_table("person")
"""
MODEL = """
class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    value = db.Column({type})
"""
MOODS = 'Enum("happy", "sad", name="mood"'
MORE_MOODS = 'Enum("happy", "sad", "relaxed", name="mood"'


def changed(project, old, new):
    """Return what `flask db new` says about a change of type."""
    write_revision(project, "start", START.format(type=f"sa.{old}"))
    project.models = MODEL.format(type=f"db.{new}")
    return project.flask("new", "-m", "type")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"{MOODS})", f"{MORE_MOODS})"),
        (f"{MOODS}, native_enum=False)", f"{MORE_MOODS}, native_enum=False)"),
        ('Enum("a", "b", native_enum=False, length=5)', 'Enum("a", "b", "cc", native_enum=False, length=9)'),
        ("String(20)", "String(40)"),
        ("Integer()", "BigInteger()"),
        ("Numeric(8, 2)", "Numeric(10, 2)"),
        ("String(20)", "Text()"),
        (f"{MOODS})", "String(20)"),
    ],
)
def test_F19_a_wider_type_is_not_warned_about(project, old, new):
    said = changed(project, old, new)
    assert "changes the type of person.value" in said
    assert "Warning" not in said
    assert "✗" not in project.flask("verify")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"{MORE_MOODS})", f"{MOODS})"),
        ('Enum("happy", "sad", name="mood")', 'Enum("happy", "nostalgic", name="mood")'),
        ("String(40)", "String(20)"),
        ("String(40)", "Integer()"),
        ("String(4)", f"{MOODS})"),  # no Enum of a revision: any text may be stored
    ],
)
def test_F19_a_type_that_not_all_values_fit_is_still_warned_about(project, old, new):
    said = changed(project, old, new)
    assert "Warning" in said
    assert "changes the type of person.value" in said
