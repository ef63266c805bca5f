"""PostgreSQL: what a DOMAIN contains is compared, and a change of it is refused with what to write."""

from histories import write_revision

MODEL = """
from sqlalchemy.dialects.postgresql import DOMAIN


class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    age = db.Column(DOMAIN("year", {}))
"""
FIRST = 'db.Integer, check="VALUE > 0 AND VALUE IN (1, 2, 3)", default=db.text("1")'
CHANGES = [
    'db.Integer, check="VALUE > 10", default=db.text("1")',
    'db.Integer, check="VALUE > 0 AND VALUE IN (1, 2, 3)"',
    'db.Integer, check="VALUE > 0 AND VALUE IN (1, 2, 3)", default=db.text("1"), not_null=True',
    'db.BigInteger, check="VALUE > 0 AND VALUE IN (1, 2, 3)", default=db.text("1")',
]
ALTER = """
def upgrade():
    op.execute("ALTER DOMAIN year DROP DEFAULT")
def downgrade():
    op.execute("ALTER DOMAIN year SET DEFAULT 1")
"""


def test_F23_the_content_of_a_domain_is_compared(project_on):
    project = project_on("postgresql")
    project.models = MODEL.format(FIRST)
    project.flask("new", "-m", "first")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    for change in CHANGES:
        project.models = MODEL.format(change)
        sentence = project.fails("new", "-m", "changed")
        assert "Domain year has changed, which is not written by itself" in sentence, change
        assert 'op.execute("ALTER DOMAIN year …")' in sentence
    project.models = MODEL.format(CHANGES[1])
    assert "✗ the models match the revisions" in project.run("verify").output
    write_revision(project, "default", ALTER)
    assert "Proved: up, down and up again" in project.flask("new", "--prove")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    assert "✓ the models match the revisions" in project.run("verify").output
