"""H66: a downgrade that loses rows outside development needs a word, and a snapshot is taken first."""

from pathlib import Path

import pytest
from project import Bake, BakedProject
from servers import Server
from test_snapshots import snapshots

PRODUCTION = {"FLASK_DEBUG": "0", "SECRET_KEY": "9f6a1c8e7b"}
BASELINE = "3f1d9a62c0b7"
EVERYTHING = ["tags (2 rows)", "user_tags (1 row)", "users (1 row)"]


def tables(project: BakedProject) -> set[str]:
    if project.url.startswith("sqlite"):
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    else:
        schema = "'public'" if project.url.startswith("postgresql") else "database()"
        query = f"SELECT table_name FROM information_schema.tables WHERE table_schema = {schema}"
    return {name for (name,) in project.sql(query)}


def with_phone(project: BakedProject, value: str = "'123'") -> BakedProject:
    project.make("db")
    project.add_column()
    project.revise("phone")
    project.make("migrate")
    project.sql(f"UPDATE users SET phone = {value}")
    return project


def test_H66_downgrade_base_outside_development(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    for command in (
        ["-m", "flask", "db", "downgrade", "base"],
        ["manage.py", "db", "downgrade", "base"],
        ["-m", "alembic", "downgrade", "base"],
    ):
        result = project.run(project.python, *command, check=False, **PRODUCTION)
        sentence = result.out.strip().splitlines()[-1]
        assert result.returncode and "Traceback" not in result.out
        assert "tags (2 rows), user_tags (1 row), users (1 row)" in sentence and "--yes" in sentence
        assert project.revision == BASELINE and snapshots(project) == []
    out = project.flask("db", "downgrade", "--yes", "base", **PRODUCTION).out
    (path,) = snapshots(project)
    assert f"Snapshot: {path.relative_to(project.path)}" in out
    assert project.revision is None and "users" not in tables(project)
    name, _, _ = path.name.split("_", 2)[2].rsplit(".", 2)  # what follows is the digest of the database
    project.flask("db", "restore", path.name, "--yes-destroy", name, **PRODUCTION)
    assert project.sql("SELECT name FROM users") == [("Ada",)] and project.revision == BASELINE


def test_H66_plain_alembic_has_a_word_of_its_own(project: BakedProject) -> None:
    project.make("db")
    out = project.alembic("-x", "yes", "downgrade", "base", **PRODUCTION).out
    assert "Snapshot" in out and project.revision is None


def test_H66_one_step_back_is_asked_for_only_if_values_are_lost(anywhere: BakedProject) -> None:
    project = with_phone(anywhere)
    sentence = project.fails("make", "rollback", code=2, **PRODUCTION)
    assert "users.phone (1 value)" in sentence and "users (" not in sentence
    project.sql("UPDATE users SET phone = NULL")
    project.make("rollback", **PRODUCTION)
    project.make("migrate")
    project.sql("UPDATE users SET phone = '123'")
    out = project.make("rollback", "args=--yes", **PRODUCTION).out
    assert "Snapshot" in out and project.revision == BASELINE


def test_H66_development_and_code_are_not_asked(project: BakedProject) -> None:
    with_phone(project).make("rollback")
    project.make("migrate")
    project.sql("UPDATE users SET phone = '123'")
    code = "from flask_migrate import downgrade; from my_app import create_app\n"
    code += "with create_app().app_context():\n    downgrade(revision='base')"
    project.run(project.python, "-c", code, **PRODUCTION)
    assert project.revision is None


def test_H66_a_name_that_is_no_development_name(project: BakedProject, postgresql: Server) -> None:
    """Although debug is on: it may be the production server that DATABASE_URL leads to."""
    project.env["DATABASE_URL"] = postgresql.url("live_losses")
    project.make("migrate")
    project.sql("INSERT INTO tags (name) VALUES ('precious')")
    assert "tags (1 row)" in project.flask_fails("db", "downgrade", "base")


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        ('op.execute("DROP TABLE user_tags")', ["user_tags (1 row)"]),
        ('op.execute("ALTER TABLE users DROP COLUMN name")', ["users.name (1 value)"]),
        ('op.execute("DELETE FROM tags")', ["tags (2 rows)"]),
        (
            'with op.batch_alter_table("users") as batch:\n        batch.drop_column("created_at")',
            ["users.created_at (1 value)"],
        ),
        ('op.drop_column(TABLE, column_name="name")', ["users.name (1 value)"]),
        ("helper()", ["user_tags (1 row)"]),
        ('for name in ("user_tags",):\n        op.drop_table(name)', EVERYTHING),
        ('op.get_bind().execute(sa.text(f"DROP TABLE {TABLE}"))', EVERYTHING),
    ],
)
def test_H66_it_is_read_from_the_file_what_is_dropped(
    project: BakedProject, body: str, lost: list[str]
) -> None:
    """Nothing is run to find out; and where the file does not say it, all tables are named."""
    project.make("db")
    helper = 'TABLE = "users"\n\n\ndef helper():\n    op.drop_table("user_tags")\n\n\n'
    upgrade = "def upgrade():\n    pass\n\n\n"
    project.write_revision("back", f'{helper}{upgrade}def downgrade():\n    open("ran", "w")\n    {body}\n')
    project.make("migrate")
    sentence = project.flask_fails("db", "downgrade", **PRODUCTION)
    loses = "may lose (its file does not say what it drops)" if lost == EVERYTHING else "loses"
    assert f"This downgrade {loses} {', '.join(lost)}, and nothing was changed" in sentence
    assert not (project.path / "ran").exists()


def test_H66_a_foreign_key_that_says_on_delete_loses_nothing(project: BakedProject) -> None:
    project.make("db")
    create = "CREATE TABLE again (tag_id INTEGER REFERENCES tags (id) ON DELETE CASCADE)"
    body = f'def upgrade():\n    pass\n\n\ndef downgrade():\n    op.execute("{create}")\n'
    project.write_revision("back", body)
    project.make("migrate")
    project.flask("db", "downgrade", **PRODUCTION)
    assert "again" in tables(project)


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_H66_without_a_snapshot_there_is_no_downgrade(
    bake: Bake, engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    project = bake(database=engine)
    project.env["DATABASE_URL"] = request.getfixturevalue(engine).url("losses_dev")
    project.make("db")
    sentence = project.flask_fails("db", "downgrade", "--yes", "base", PATH=str(tmp_path), **PRODUCTION)
    assert "is not installed" in sentence
    assert project.revision == BASELINE and project.sql("SELECT name FROM users") == [("Ada",)]
