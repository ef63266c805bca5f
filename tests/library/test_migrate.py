"""`flask db migrate`, Flask-Migrate's command: what it writes is run before it is handed over."""

import pytest
from histories import ENGINES, newest, stored_revision, write_revision

POST = """
class Post(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    author = db.Column(db.Integer, db.ForeignKey("user.id"), nullable=False)
"""
ENTRY = """
class Entry(db.Model):
    __bind_key__ = "log"
    id = db.Column(db.Integer, primary_key=True)
"""
NOTHING = "Nothing to migrate: the revisions and the models agree. No file was written."
PROVED = "Proved: up, down and up again on a shadow database with rows."
HOOK = """

def hook(context, revision, directives):
    from alembic.operations import ops
    if directives[0].upgrade_ops.ops:
        {statement}
"""


def add_hook(project, statement: str) -> None:
    project.arguments = "process_revision_directives=lambda *given: hook(*given)"
    project.models = HOOK.format(statement=statement) + project.models


def refused(project) -> str:
    result = project.run("migrate", "-m", "users")
    assert result.exit_code == 1, result.output
    return result.output  # Alembic's own "Generating …  done" may follow the reason


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_run_up_down_and_up_again(project_on, engine):
    project = project_on(engine)
    assert PROVED in project.flask("migrate", "-m", "users")
    project.models += POST
    assert PROVED in project.flask("revision", "--autogenerate", "-m", "posts")
    assert stored_revision_or_none(project) is None
    project.flask("upgrade")
    assert len(project.versions) == 2
    assert project.flask("migrate", "-m", "nothing").strip() == NOTHING
    assert len(project.versions) == 2


def stored_revision_or_none(project):
    """The revision of the database; the proof was somewhere else."""
    try:
        return stored_revision(project)
    except Exception:  # noqa: BLE001 - of each driver: there is no database or no table
        return None


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("direction", "statement"),
    [
        ("upgrade", "INSERT INTO missing VALUES (1)"),
        ("downgrade", "DROP TABLE missing"),
    ],
)
def test_a_file_that_fails_is_kept_and_named(project_on, engine, direction, statement):
    project = project_on(engine)
    add_hook(project, f"directives[0].{direction}_ops.ops.append(ops.ExecuteSQLOp({statement!r}))")
    sentence = refused(project)
    (path,) = project.versions
    assert f"Not proved. In the {direction}" in sentence
    assert path.name in sentence
    assert "missing" in sentence
    assert "The file stays: fix it, then `flask db new --prove`." in sentence
    path.write_text(path.read_text().replace(f"op.execute('{statement}')", "pass"))
    assert "Proved" in project.flask("new", "--prove")


def test_a_downgrade_that_does_not_restore_the_schema(project):
    add_hook(project, "directives[0].downgrade_ops.ops.clear()")
    sentence = refused(project)
    assert "the downgrade does not restore the schema" in sentence


def test_what_a_hook_leaves_out_is_no_failure(project):
    """The models need not match: some projects keep tables that Alembic is not to touch."""
    project.models += POST
    add_hook(project, "directives[0].upgrade_ops.ops.pop(); directives[0].downgrade_ops.ops.pop(0)")
    assert PROVED in project.flask("migrate", "-m", "users")


def test_an_empty_revision_and_a_merge_are_not_run(project):
    assert "Proved" not in project.flask("revision", "-m", "empty")
    empty = newest(project)
    first = empty.stem.partition("_")[0]
    project.flask("revision", "-m", "one", "--rev-id", "one")
    project.flask("revision", "-m", "two", "--rev-id", "two", "--head", first, "--splice")
    assert "Proved" not in project.flask("merge", "heads", "-m", "both")


def test_on_one_of_several_heads_a_sentence_says_why_it_is_not_run(project):
    write_revision(project, "start", USERS)
    for name in ("one", "two"):
        project.flask("revision", "-m", name, "--rev-id", name, "--head", "start", "--splice")
    project.models += POST
    output = project.flask("migrate", "-m", "posts", "--head", "one")
    assert "It was not run: there are several heads" in output
    assert len(project.versions) == 4


def test_it_is_run_on_each_database(project):
    project.config["SQLALCHEMY_BINDS"] = {"log": f"sqlite:///{project.path}/instance/log_dev.db"}
    project.models += ENTRY
    assert project.flask("migrate", "-m", "both").count(PROVED) == 2


USERS = """
def upgrade():
    op.create_table(
        "user",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("email", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("email", name="uq_user_email"),
    )
def downgrade():
    op.drop_table("user")
"""
