"""A project with an old history: `verify` judges what comes after MIGRATION_CHECK_AFTER."""

import pytest
from histories import ENGINES, list_revisions, write_revision

HEADER = """import sqlalchemy as sa
from alembic import op

revision = "{0}"
down_revision = {1!r}
"""
ADD = 'def upgrade():\n    op.add_column("user", sa.Column("c{0}", sa.Integer))\n'
DROP = 'def upgrade():\n    op.drop_column("user", "c{0}")\n'
USER = "class User(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
ENTRY = """
class Entry(db.Model):
    __bind_key__ = "audit"
    id = db.Column(db.Integer, primary_key=True)
"""
START = 'def upgrade():\n    op.create_table("user", sa.Column("id", sa.Integer, primary_key=True))\n'


def with_history(project, number):
    """Write so many revisions, with everything that `verify` objects to: no downgrade, columns dropped."""
    project.models = USER
    folder = project.migrations / "versions"
    bodies = [START]
    for column in range((number - 1) // 2):
        bodies += [ADD.format(column), DROP.format(column)]
    for place, body in enumerate(bodies):
        down = f"r{place - 1:03}" if place else None
        (folder / f"r{place:03}.py").write_text(f"{HEADER.format(f'r{place:03}', down)}\n\n{body}")
    list_revisions(project)
    return f"r{len(bodies) - 1:03}"


def test_F20_old_revisions_need_no_annotation(project):
    last = with_history(project, 61)
    assert "✗" in project.run("verify").output
    project.config["MIGRATION_CHECK_AFTER"] = last
    printed = project.flask("verify")
    assert "✗" not in printed
    assert f"61 revisions are not judged: up to {last}" in printed


@pytest.mark.parametrize("engine", ENGINES)
def test_F20_what_comes_after_is_judged(project_on, engine):
    project = project_on(engine)
    project.config["MIGRATION_CHECK_AFTER"] = with_history(project, 5)
    assert "✗" not in project.flask("verify")
    write_revision(project, "new", DROP.format(9) + "def downgrade():\n    pass\n")
    printed = project.run("verify")
    assert printed.exit_code == 1
    assert "new.py" in printed.output
    assert "r001.py" not in printed.output


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("command", ["adopt", "verify"])
def test_F20_the_setting_is_mentioned_where_it_is_needed(project_on, engine, command):
    """On the first day of an adopted project, on a database that its old history has created."""
    project = project_on(engine)
    last = with_history(project, 5)
    project.flask("upgrade")
    printed = project.run(command).output
    assert f'MIGRATION_CHECK_AFTER = "{last}"' in printed


def test_F20_a_bind_has_its_own_old_revisions(project):
    """What a revision does on a bind is left out as well."""
    audit = project.url.replace("shop_dev", "audit_dev")
    project.config["SQLALCHEMY_BINDS"] = {"audit": audit}
    last = with_history(project, 3)
    project.models += ENTRY
    path = project.migrations / "versions" / f"{last}.py"
    body = START.replace("upgrade()", "upgrade_audit()").replace("user", "entry")
    path.write_text(f"{path.read_text()}\n\n{body}")
    list_revisions(project)
    assert "no downgrade" in project.run("verify").output
    project.config["MIGRATION_CHECK_AFTER"] = last
    assert "✗" not in project.flask("verify")
