"""The main job on each engine, as a user types it. The numbers are those of the founding documents."""

import ast
import re
import shutil
from pathlib import Path

import pytest
from project import Bake, BakedProject

COUNT_USERS = "SELECT count(*) FROM users"


def test_D1_D2_D6_D11_create_change_migrate_and_the_rows_are_still_there(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    assert project.sql("SELECT name FROM users") == [("Ada",)]
    assert project.sql("SELECT count(*) FROM user_tags") == [(1,)]

    project.add_column()
    project.edit(project.models / "users.py", "String(100), index", "String(200), index")
    revision = project.revise("add phone, longer names")
    assert "already" not in project.make("migrate").out
    assert project.sql("SELECT name, phone FROM users") == [("Ada", None)]
    assert project.sql("SELECT count(*) FROM user_tags") == [(1,)]
    assert project.revision in revision.name

    project.make("rollback")
    assert project.sql("SELECT name FROM users") == [("Ada",)]
    assert project.sql("SELECT count(*) FROM user_tags") == [(1,)]
    assert project.revision not in revision.name
    project.make("migrate")
    assert "No new upgrade operations" in project.flask("db", "check").out


def test_D1_make_db_rebuilds_to_match_the_models(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    project.sql("INSERT INTO tags (name) VALUES ('mine')")
    project.sql("CREATE TABLE left_over (id INTEGER)")
    project.make("db")
    assert project.sql("SELECT name FROM tags ORDER BY name") == [("admin",), ("beta",)]
    with pytest.raises(Exception, match=r"left_over|no such table"):
        project.sql("SELECT * FROM left_over")
    assert "No new upgrade operations" in project.flask("db", "check").out


def test_a_failing_rebuild_leaves_the_old_database(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    project.sql("INSERT INTO tags (name) VALUES ('mine')")
    broken = project.write_revision("bad", 'def upgrade():\n    op.execute("NONSENSE")')
    out = project.make("db", check=False).out
    assert "make: ***" in out and broken.name in out and "NONSENSE" in out and "Traceback" not in out
    assert project.sql("SELECT count(*) FROM tags WHERE name = 'mine'") == [(1,)]
    broken.unlink()
    (project.path / project.package / "seeds.py").write_text("def seed():\n    raise SystemExit(3)\n")
    assert project.make("db", check=False).returncode
    assert project.sql("SELECT count(*) FROM tags WHERE name = 'mine'") == [(1,)]


def test_P7_make_migrate_shows_each_revision_with_its_time_and_before_after(anywhere: BakedProject) -> None:
    """The database did not exist."""
    project = anywhere
    out = project.make("migrate").out
    assert re.search(r"^  3f1d9a62c0b7 \(baseline\)\n    \d+\.\d\d s$", out, re.MULTILINE)
    assert "empty → 3f1d9a62c0b7 (baseline)" in out
    assert "Nothing to do" in project.make("migrate").out


def test_D3_the_file_is_named_and_formatted(project: BakedProject) -> None:
    project.add_column()
    new = project.revise('Add users.phone, for Ünï & "quotes" \'n \\ backslashes')
    assert re.fullmatch(r"\d{8}_\d{4}_[0-9a-f]{12}_add_users_phone_for_ünï_quotes\w*\.py", new.name)
    docstring = ast.get_docstring(ast.parse(new.read_text(encoding="utf-8")))
    assert docstring.startswith('Add users.phone, for Ünï & "quotes" \'n \\ backslashes')
    project.make("lint")


def test_newmigration_without_a_formatter(project: BakedProject, tmp_path: Path) -> None:
    project.add_column()
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ruff'] = None\n")
    project.flask("db", "new", "-m", "phone", PYTHONPATH=str(tmp_path))
    assert len(project.versions) == 2


def test_D5_with_nothing_to_migrate_no_file_is_written(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    out = project.make("newmigration", "m=nothing").out
    assert "Nothing to migrate" in out and "No file was written" in out
    assert len(project.versions) == 1
    # the same through Flask-Migrate's and Alembic's own commands
    project.flask("db", "migrate", "-m", "nothing")
    project.alembic("revision", "--autogenerate", "-m", "nothing")
    assert len(project.versions) == 1


def test_newmigration_needs_a_message(project: BakedProject) -> None:
    assert 'm="' in project.flask_fails("db", "new", code=2)
    assert 'm="' in project.flask_fails("db", "new", "-m", "  ", code=2)
    assert project.make("newmigration", check=False).returncode
    assert len(project.versions) == 1


def test_newmigration_does_not_look_at_the_development_database(anywhere: BakedProject) -> None:
    """It may be missing, behind, ahead or full of other things; it is neither read nor written."""
    project = anywhere
    project.add_column()
    project.revise("no database yet")
    project.make("migrate")
    project.sql("DROP TABLE user_tags")
    project.sql("INSERT INTO tags (name) VALUES ('mine')")
    project.add_column("nick: Mapped[str | None] = mapped_column(String(30))")
    new = project.revise("nick")
    assert "nick" in new.read_text() and "user_tags" not in new.read_text()
    assert project.sql("SELECT name FROM tags") == [("mine",)]


def test_P4_a_second_head_is_refused_with_both_names(project: BakedProject) -> None:
    first = project.write_revision("one", "def upgrade():\n    pass")
    second = project.write_revision("two", "def upgrade():\n    pass", down="3f1d9a62c0b7")
    project.add_column()
    sentence = project.flask_fails("db", "new", "-m", "phone")
    assert first.name in sentence and second.name in sentence and "db merge" in sentence
    project.flask("db", "merge", "heads", "-m", "join")
    project.revise("phone")
    project.make("db")


def test_D4_drop_column_and_foreign_keys_run(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    users = project.models / "users.py"
    project.edit(users, "    created_at: Mapped[datetime] = mapped_column(server_default=func.now())\n", "")
    project.edit(
        users,
        "    id: Mapped[int] = mapped_column(primary_key=True)\n    email",
        "    id: Mapped[int] = mapped_column(primary_key=True)\n"
        '    best_tag: Mapped[int | None] = mapped_column(ForeignKey("tags.id"), index=True)\n    email',
    )
    revision = project.revise("drop a column, add a foreign key").read_text()
    assert "drop_column" in revision and "create_foreign_key" in revision
    project.make("migrate")
    assert project.sql("SELECT name, best_tag FROM users") == [("Ada", None)]
    project.make("rollback")
    project.make("migrate")
    assert project.sql("SELECT count(*) FROM user_tags") == [(1,)]


def test_D8_sql_shows_what_would_run(anywhere: BakedProject) -> None:
    project = anywhere
    out = project.flask("db", "upgrade", "--sql").out
    assert "CREATE TABLE users" in out and "%%" not in out
    assert "CREATE TABLE users" in project.make("sql").out
    project.make("migrate")
    assert "Nothing is pending" in project.make("sql").out
    project.add_column()
    project.edit(project.models / "users.py", "String(100), index", "String(200), index")
    project.revise("phone")
    out = project.make("sql").out
    assert "phone VARCHAR(30)" in out and "CREATE TABLE tags" not in out
    assert "INSERT INTO alembic_version" not in out and "UPDATE alembic_version" in out
    assert "Ada" not in str(project.sql(COUNT_USERS))
    down = project.flask("db", "downgrade", "--sql", "head:3f1d9a62c0b7").out
    assert "users" in down and "UPDATE alembic_version SET version_num='3f1d9a62c0b7'" in down


def test_D8_the_sql_does_the_same_as_the_migration(project: BakedProject, tmp_path: Path) -> None:
    """SQLite: run the printed script by itself and compare the schemas."""
    project.add_column()
    project.edit(project.models / "users.py", "String(100), index", "String(200), index")
    project.revise("phone")
    script = project.flask("db", "upgrade", "--sql").out
    project.make("migrate")
    copy = BakedProject(project.path, env={"DATABASE_URL": f"sqlite:///{tmp_path}/copy.db"})
    for statement in re.sub(r"^--.*$", "", script, flags=re.MULTILINE).split(";\n"):
        if statement.strip() and statement.strip() not in {"BEGIN", "COMMIT"}:
            copy.sql(statement)

    def schema(project: BakedProject) -> list[tuple]:
        # What a script that somebody runs by hand does not note down: when, and by whom.
        rows = project.sql(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name <> 'migration_applied' ORDER BY name"
        )
        # Alembic keeps the constraints of a rebuilt table in a set, so that their order is not fixed.
        return [(name, sorted(re.split(r"[\s,()]+", sql or ""))) for name, sql in rows]

    assert schema(copy) == schema(project)
    assert copy.revision == project.revision


def test_D10_status(anywhere: BakedProject) -> None:
    project = anywhere
    project.add_column()
    new = project.revise("add users.phone")
    before = project.make("status").out
    assert "does not exist yet" in before and "add users.phone" in before
    project.make("migrate")
    after = project.make("status").out
    assert re.search(r"Engine +(SQLite|PostgreSQL|MariaDB) \d+\.\d+", after)
    assert re.search(r"Pending +nothing", after)
    assert new.name.split("_")[2] in after
    assert "owner:owner" not in after


def test_U1_H17_a_relative_path_is_the_same_file_from_any_directory(
    project: BakedProject, tmp_path: Path
) -> None:
    """Also through make -C, manage.py and --app with an absolute path."""
    project.env["DATABASE_URL"] = "sqlite:///data/app.db"
    manage = project.path / "manage.py"
    project.run(project.python, manage, "db", "upgrade", cwd=tmp_path)
    assert (project.path / "data" / "app.db").exists()
    for command in (
        [project.python, "-m", "flask", "--app", project.path / project.package, "db", "status"],
        [project.python, manage, "db", "status"],
        ["make", "-C", project.path, "status"],
    ):
        out = project.run(*command, cwd=tmp_path, FLASK_DEBUG="1").out
        assert str(project.path / "data" / "app.db") in out and "Pending   nothing" in out
    assert list(tmp_path.rglob("*.db")) == [project.path / "data" / "app.db"]


def test_U2_X4_H70_plain_alembic(anywhere: BakedProject) -> None:
    """The same safety as `flask db`; +1, -1, -2 as in Alembic's own tutorial."""
    project = anywhere
    project.alembic("upgrade", "head")
    project.add_column()
    project.alembic("revision", "--autogenerate", "-m", "add phone")
    project.alembic("revision", "-m", "by hand")
    assert len(project.versions) == 3
    project.alembic("upgrade", "+1")
    assert "add phone" in project.alembic("history", "--verbose").out
    project.alembic("upgrade", "head")
    assert "(head)" in project.alembic("current").out
    project.alembic("check")
    project.alembic("downgrade", "-1")
    project.alembic("upgrade", "+1")
    project.alembic("downgrade", "-2")
    assert project.revision == "3f1d9a62c0b7"
    project.alembic("downgrade", "base")
    assert project.revision is None
    assert "CREATE TABLE users" in project.alembic("upgrade", "head", "--sql").out
    assert "no revision nosuch" in project.fails(
        project.python.with_name("alembic"), "upgrade", "nosuch", code=255
    )


def test_E4_D9_P6_P8_all_of_flask_migrate(project: BakedProject) -> None:
    """Nothing was exported."""
    manage = [project.python, "manage.py", "db"]
    stock = (
        "branches check current downgrade edit heads history init merge migrate revision show stamp upgrade"
    )
    for group in (project.run(*manage, "--help").out, project.flask("db", "--help").out):
        for verb in [*stock.split(), "new", "rebuild", "status"]:
            assert re.search(rf"^  {verb}\b", group, re.MULTILINE), verb
    project.run(*manage, "upgrade")
    project.add_column()
    project.run(*manage, "migrate", "-m", "phone")
    project.run(*manage, "upgrade")
    project.flask("db", "revision", "-m", "by hand")
    project.flask("db", "revision", "--autogenerate", "-m", "nothing")
    assert len(project.versions) == 3
    for verb in ("heads", "history", "branches", "show", "current"):
        project.flask("db", verb)
    project.flask("db", "downgrade", "3f1d9a62c0b7")
    assert project.revision == "3f1d9a62c0b7"


def test_P9_H64_stamp_takes_an_existing_database(project: BakedProject) -> None:
    """A database made by create_all() is noticed, and stamp is offered."""
    code = "from my_app import create_app; from my_app.database import db\n"
    code += "with create_app().app_context(): db.create_all()"
    (project.path / "instance").mkdir()
    project.run(project.python, "-c", code, FLASK_DEBUG="1")
    sentence = project.flask_fails("db", "upgrade")
    assert "create_all()" in sentence and "make adopt" in sentence
    project.flask("db", "stamp", "head")
    assert project.revision == "3f1d9a62c0b7"
    assert "Nothing to do" in project.make("migrate").out


def test_P1_the_stack_is_the_newest(project: BakedProject) -> None:
    names = ["flask", "flask-sqlalchemy", "flask-migrate", "sqlalchemy", "alembic"]
    code = f"from importlib.metadata import version\nfor name in {names}: print(version(name))"
    versions = project.run(project.python, "-c", code).out.split()
    newest = [(3, 1), (3, 1), (4, 1), (2, 1), (1, 20)]
    assert [tuple(map(int, text.split(".")[:2])) for text in versions] >= newest


@pytest.mark.parametrize("examples", [True, False])
def test_X2_P3_the_baseline_has_only_tables_and_every_constraint_is_named(bake: Bake, examples: bool) -> None:
    project = bake(example_models=examples)
    (baseline,) = project.versions
    tree = ast.parse(baseline.read_text())
    calls = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "attr")
    }
    assert not calls & {"execute", "bulk_insert"}
    project.make("db")
    names = project.sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    for table, sql in names:
        if table not in {"alembic_version", "migration_applied"}:
            kinds = re.findall(r"(PRIMARY KEY|UNIQUE|FOREIGN KEY|CHECK) ?\(", sql)
            assert len(kinds) == len(re.findall(r"CONSTRAINT (?:pk|uq|fk|ck)_\w+", sql))
    assert ("users" in dict(names)) is examples


def test_P3_H06_the_convention_reaches_the_models_and_batch_mode_is_alive(project: BakedProject) -> None:
    """A constraint can be dropped again because it has a name."""
    project.make("db")
    users = project.models / "users.py"
    project.edit(users, "String(254), unique=True", "String(254)")
    project.edit(
        users,
        "name: Mapped[str] = mapped_column(String(50), unique=True)",
        "name: Mapped[str] = mapped_column(String(50), unique=True)\n"
        "    rank: Mapped[int | None] = mapped_column(unique=True)",
    )
    text = project.revise("constraints").read_text()
    assert "batch_alter_table" in text
    assert 'drop_constraint(batch_op.f("uq_users_email")' in text
    assert 'create_unique_constraint(batch_op.f("uq_tags_rank")' in text
    assert "None" not in re.findall(r"constraint\(\s*(\S+?),", text)
    project.make("migrate")
    project.make("rollback")
    assert project.sql("SELECT email FROM users") == [("ada@example.com",)]


def test_E3_H32_models_are_found_by_themselves(project: BakedProject) -> None:
    """A module that nobody imports is in the metadata; a model elsewhere fails a test of the project."""
    project.make("db")
    model = (
        "from sqlalchemy.orm import Mapped, mapped_column\n\nfrom {dots}database import db\n\n\n"
        "class {name}(db.Model):\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
    )
    (project.models / "orders.py").write_text(model.format(dots="..", name="Order"))
    (project.models / "deep").mkdir()
    (project.models / "deep" / "__init__.py").write_text("")
    (project.models / "deep" / "line.py").write_text(model.format(dots="...", name="Line"))
    text = project.revise("orders").read_text()
    assert 'create_table(\n        "order"' in text and 'create_table(\n        "line"' in text
    assert "drop_table" not in text.partition("def downgrade")[0]

    project.make("test")
    (project.path / project.package / "web" / "stray.py").write_text(model.format(dots="..", name="Stray"))
    out = project.make("test", check=False).out
    assert "stray" in out and "test_every_model_is_registered" in out and "1 failed" in out


def test_E1_the_extension_is_one_line_that_can_be_taken_out(project: BakedProject) -> None:
    project.edit(f"{project.package}/database.py", "    migrate.init_app(app, db)\n", "")
    shutil.rmtree(project.path / "migrations")
    assert "No such command 'db'" in project.flask("db", check=False).out
    assert "seed" in project.flask("--help").out


def test_E1_a_web_worker_loads_neither_flask_migrate_nor_alembic(project: BakedProject) -> None:
    project.make("db")
    project.forks = False  # a forked one has loaded all libraries
    code = (
        "import sys; from my_app import create_app; client = create_app().test_client()\n"
        "assert client.get('/').status_code == client.get('/health').status_code == 200\n"
        "print([name for name in ('alembic', 'flask_migrate') if name in sys.modules])"
    )
    production = {"FLASK_DEBUG": "0", "SECRET_KEY": "9f6a1c8e7b"}
    assert project.run(project.python, "-c", code, **production).out.strip() == "[]"
    project.run(project.python, "-c", code, FLASK_DEBUG="1")  # for the development page, once
    assert project.run(project.python, "-c", code, FLASK_DEBUG="1").out.strip() == "[]"


def test_P11_nothing_calls_create_all(project: BakedProject) -> None:
    for path in project.path.rglob("*.py"):
        if ".venv" not in path.parts:
            code = ast.unparse(ast.parse(path.read_text()))
            assert ".create_all(" not in code, path


def test_seeding_is_idempotent(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    project.sql("UPDATE users SET name = 'Changed'")
    project.make("seed")
    assert project.sql("SELECT name FROM users") == [("Changed",)]
    assert project.sql("SELECT count(*) FROM tags") == [(2,)]


def test_seeds_that_break_a_foreign_key_fail_the_rebuild(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    project.edit(
        f"{project.package}/seeds.py",
        "    db.session.add_all(tags.values())",
        "    from .models.users import user_tags\n\n"
        "    db.session.execute(user_tags.insert().values(user_id=4711, tag_id=4711))\n"
        "    db.session.add_all(tags.values())",
    )
    out = project.make("db", check=False).out
    assert "Seeding failed" in out and "as it was" in out and "Traceback" not in out
    assert project.sql("SELECT name FROM users") == [("Ada",)]


def test_make_alone_prints_each_target_with_one_line(project: BakedProject) -> None:
    lines = project.make().out.splitlines()
    targets = ["db", "newmigration", "migrate", "rollback", "status", "sql", "run", "test", "lint", "shell"]
    for target in targets:
        (line,) = [line for line in lines if re.match(rf"\s+make {target}\s", line)]
        assert len(line) < 110


def test_shell_has_the_models(project: BakedProject) -> None:
    project.make("db")
    result = project.run("sh", "-c", "echo 'print(db.session.query(User).count())' | make shell")
    assert ">>> 1" in result.out
