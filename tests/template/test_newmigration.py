"""`make newmigration`: renames are asked, required columns get a value, and what is written is proved."""

import os
import pty
import re
import subprocess
import threading

import pytest
from project import BakedProject, clean_environment

RENAME = ("name: Mapped[str]", "full_name: Mapped[str]")


def rename_a_column(project: BakedProject) -> None:
    users = project.models / "users.py"
    text = users.read_text()
    head, user, tag = re.split(r"(?=^class )", text, flags=re.MULTILINE)
    user = user.replace(*RENAME).replace("length(name)", "length(full_name)")
    project.edit(users, text, head + user + tag)


def rename_a_table(project: BakedProject) -> None:
    users = project.models / "users.py"
    project.edit(users, '__tablename__ = "users"', '__tablename__ = "people"')
    project.edit(users, '"users.id"', '"people.id"')


def names(project: BakedProject, table: str) -> set[str]:
    """The names of constraints and indexes of a table, past all code of the project."""
    queries = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE tbl_name = '{}'",
        "postgresql": "SELECT '', conname FROM pg_constraint WHERE conrelid = '{0}'::regclass "
        "UNION SELECT indexdef, indexname FROM pg_indexes WHERE tablename = '{0}'",
        "mariadb": "SHOW CREATE TABLE {}",
    }
    found = project.sql(queries[project.url.partition(":")[0]].format(table))
    return set(re.findall(r"\b(?:ix|uq|ck|fk)_\w+", str(found)))


def test_H19_a_renamed_column_keeps_its_values(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    before = project.sql("SELECT id, name FROM users ORDER BY id")
    assert before
    rename_a_column(project)
    sentence = project.fails("make", "newmigration", "m=rename", code=2)
    assert "--rename users.name:full_name" in sentence and "--drop users.name" in sentence
    assert len(project.versions) == 1
    out = project.make("newmigration", "m=rename", "args=--rename users.name:full_name").out
    assert "renames column users.name to full_name" in out and "Proved: up, down and up again" in out
    project.make("migrate")
    assert project.sql("SELECT id, full_name FROM users ORDER BY id") == before
    assert "ix_users_full_name" in names(project, "users") and "ix_users_name" not in names(project, "users")
    assert "No new upgrade operations" in project.flask("db", "check").out
    project.make("rollback")
    assert project.sql("SELECT id, name FROM users ORDER BY id") == before
    assert "ix_users_name" in names(project, "users")


def test_H20_a_renamed_table_keeps_its_rows(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    before = project.sql("SELECT id, name FROM users ORDER BY id")
    pairs = project.sql("SELECT user_id, tag_id FROM user_tags ORDER BY 1, 2")
    rename_a_table(project)
    sentence = project.fails("make", "newmigration", "m=rename", code=2)
    assert "--rename-table users:people" in sentence and "--drop users" in sentence
    project.make("newmigration", "m=rename", "args=--rename-table users:people")
    project.make("migrate")
    assert project.sql("SELECT id, name FROM people ORDER BY id") == before
    assert project.sql("SELECT user_id, tag_id FROM user_tags ORDER BY 1, 2") == pairs
    assert not [
        name for name in names(project, "people") if "users" in name and name.startswith(("ix", "uq"))
    ]
    assert "Nothing to migrate" in project.make("newmigration", "m=again").out
    project.make("rollback")
    assert project.sql("SELECT id, name FROM users ORDER BY id") == before
    assert "ix_users_name" in names(project, "users")


def answered(project: BakedProject, *answers: str) -> str:
    """Run `make newmigration` on a terminal of its own, typing the answers; return its output."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["make", "newmigration", "m=asked"],
        cwd=project.path,
        env=clean_environment() | project.env | {"CI": ""},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    os.write(master, "".join(f"{answer}\n" for answer in answers).encode())
    output = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(master, 4096):
                output.extend(chunk)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    process.wait(120)
    reader.join()
    os.close(master)
    return output.decode()


@pytest.mark.parametrize(
    ("old", "new"), [("c:d", "x:y"), ("a b", "a c"), ("it's", "its"), ("$HOME", "$home")]
)
def test_F38_the_proposed_command_of_make_works(project: BakedProject, old: str, new: str) -> None:
    """Two shells and make read it."""
    column = "odd: Mapped[str | None] = mapped_column({!r}, String(30))"
    project.add_column(column.format(old))
    project.revise("odd")
    project.edit(project.models / "users.py", column.format(old), column.format(new))
    sentence = project.fails("make", "newmigration", "m=rename", code=2)
    command = re.search(r"`(make newmigration m=\"…\" args=.+?)`\. Dropped", sentence)
    assert command, sentence
    assert f"renames column users.{old} to {new}" in project.run("sh", "-c", command[1]).out


def test_H19_on_a_terminal_it_is_asked(project: BakedProject) -> None:
    project.make("db")
    rename_a_column(project)
    output = answered(project, "y")
    assert "Did you rename users.name to users.full_name? [y/N]" in output
    assert "renames column users.name to full_name" in output


def test_H19_no_means_drop_and_add(project: BakedProject) -> None:
    project.make("db")
    project.edit(project.models / "users.py", "email: Mapped", "mail: Mapped")
    project.edit(project.models / "users.py", "String(254), unique=True", "String(254)")
    output = answered(project, "n", "nobody")  # the second one is the value of the new column
    assert "Column users.mail is required. Which value do rows get" in output
    assert "drops column users.email" in output
    project.make("migrate")
    assert {mail for (mail,) in project.sql("SELECT mail FROM users")} == {"nobody"}


def test_other_entrances_ask_the_same(project: BakedProject) -> None:
    project.make("db")
    rename_a_column(project)
    assert "--rename users.name:full_name" in project.flask_fails("db", "migrate", "-m", "x")
    assert "rename" in project.alembic("revision", "--autogenerate", "-m", "x", check=False).out
    assert len(project.versions) == 1
    project.flask("db", "migrate", "-m", "x", "-x", "rename=users.name:full_name")
    assert 'new_column_name="full_name"' in project.versions[-1].read_text().replace("'", '"')


def test_H32_a_table_is_dropped_on_a_word_only(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    users = project.models / "users.py"
    text = users.read_text()
    project.edit(
        users,
        text,
        text + "\n\nclass Note(db.Model):\n    id: Mapped[int] = mapped_column(primary_key=True)\n",
    )
    project.revise("notes")
    project.make("migrate")
    project.edit(users, users.read_text(), text)
    sentence = project.fails("make", "newmigration", "m=drop", code=2)
    assert "no longer have table note" in sentence and "--drop note" in sentence
    out = project.make("newmigration", "m=drop", "args=--drop note").out
    assert "drops table note" in out and "Warning" in out
    project.make("migrate")


REQUIRED = "nick: Mapped[str] = mapped_column(String(30))"


def test_H44_a_required_column_gets_a_value(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    project.add_column(REQUIRED)
    assert "--default users.nick=VALUE" in project.fails("make", "newmigration", "m=nick", code=2)
    project.make("newmigration", "m=nick", "args=--default users.nick=none")
    project.make("migrate")
    assert {nick for (nick,) in project.sql("SELECT nick FROM users")} == {"none"}
    assert "No new upgrade operations" in project.flask("db", "check").out  # the default did not stay
    project.edit(project.models / "users.py", f"    {REQUIRED}\n", "")
    project.make("newmigration", "m=back", "args=--drop users.nick")
    project.make("migrate")
    project.make("rollback")
    assert {nick for (nick,) in project.sql("SELECT nick FROM users")} == {""}  # gone, but not in the way


def test_H44_the_default_of_the_model_is_taken(project: BakedProject) -> None:
    project.make("db")
    project.add_column("level: Mapped[int] = mapped_column(default=3)")
    project.revise("level")
    project.make("migrate")
    assert {level for (level,) in project.sql("SELECT level FROM users")} == {3}


def test_H44_null_is_filled_before_it_is_forbidden(anywhere: BakedProject) -> None:
    project = anywhere
    project.add_column("nick: Mapped[str | None] = mapped_column(String(30))")
    project.revise("nick")
    project.make("db")
    project.edit(project.models / "users.py", "nick: Mapped[str | None]", "nick: Mapped[str]")
    project.make("newmigration", "m=required", "args=--default users.nick=none")
    project.make("migrate")
    assert {nick for (nick,) in project.sql("SELECT nick FROM users")} == {"none"}
    project.make("rollback")


@pytest.mark.parametrize(
    ("option", "sentence", "code"),
    [
        ("--rename users.nam:x", "--rename users.nam:x fits no difference", 1),
        ("--rename users", "--rename takes table.column:new_name, not 'users'", 2),
        ("--default users.phone", "--default takes table.column=value", 2),
        ("--drop tags", "--drop tags fits no difference", 1),
    ],
)
def test_answers_to_no_question(project: BakedProject, option: str, sentence: str, code: int) -> None:
    project.add_column()
    assert sentence in project.flask_fails("db", "new", "-m", "x", *option.split(), code=code)
    assert len(project.versions) == 1


def test_a_narrowed_type_is_proved_with_values_that_fit(anywhere: BakedProject) -> None:
    """The warning says that others may not fit; `flask db upgrade` names the rows."""
    project = anywhere
    project.make("db")
    project.edit(project.models / "users.py", "String(254)", "String(20)")
    result = project.flask("db", "new", "-m", "narrow")
    assert "changes the type of users.email from VARCHAR(254) to VARCHAR(20)" in result.out
    assert "Warning" in result.out and "Proved" in result.out


def test_a_revision_that_fails_with_rows_is_not_proved(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    project.edit(project.models / "users.py", "String(254)", "String(20)")
    project.flask("db", "new", "-m", "narrow")
    new = project.versions[-1]
    first = re.search(r"^def upgrade.*\n", new.read_text(), re.MULTILINE)[0]
    broken = f"{first}    op.execute(\"UPDATE users SET email = 'somebody@example.com.more'\")\n"
    project.edit(new, first, broken)
    result = project.flask("db", "new", "--prove", check=False)
    assert result.returncode == 1 and "Not proved. In the upgrade with rows" in result.out


def test_D5_a_downgrade_that_forgets_is_found(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    up = "def upgrade():\n    op.add_column('users', sa.Column('spare', sa.Integer))\n"
    body = f"{up}\n\ndef downgrade():\n    pass\n"
    project.write_revision("forgetful", body)
    project.add_column("spare: Mapped[int | None]")
    out = project.flask("db", "new", "--prove", check=False).out
    assert "the downgrade does not restore the schema: column users.spare is left over" in out
    assert "Traceback" not in out


def test_what_is_missing_in_the_models_is_found(project: BakedProject) -> None:
    body = "def upgrade():\n    op.add_column('users', sa.Column('spare', sa.Integer))\n\n\n"
    project.write_revision("ahead", body + "def downgrade():\n    op.drop_column('users', 'spare')\n")
    out = project.flask("db", "new", "--prove", check=False).out
    assert "after the upgrade, the models still differ" in out and "spare" in out


def test_H10_sqlite_alters_in_place(project: BakedProject) -> None:
    """No rebuild: what stands in sqlite_master but for the one word stays as it was typed."""
    body = """def upgrade():
    op.execute("CREATE TABLE odd (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE CHECK (a <> 'x'), b, c)")


def downgrade():
    op.drop_table("odd")
"""
    project.write_revision("odd", body)
    body = """def upgrade():
    with op.batch_alter_table("odd") as batch:
        batch.alter_column("a", new_column_name="aa")
        batch.drop_column("b")
    op.alter_column("odd", "c", new_column_name="cc")


def downgrade():
    pass
"""
    project.write_revision("altered", body)
    project.flask("db", "upgrade", "odd")
    printed = project.make("sql").out
    assert "RENAME COLUMN a TO aa" in printed and "DROP COLUMN b" in printed and "_alembic_tmp" not in printed
    project.make("migrate")
    ((created,),) = project.sql("SELECT sql FROM sqlite_master WHERE name = 'odd'")
    assert "COLLATE NOCASE CHECK (aa <> 'x'), cc)" in created


def test_H10_what_a_view_needs_is_not_dropped(project: BakedProject) -> None:
    project.make("db")
    body = """def upgrade():
    op.execute("CREATE VIEW names AS SELECT name, created_at FROM users")
    with op.batch_alter_table("users") as batch:
        batch.drop_column("created_at")
"""
    project.write_revision("viewed", body)
    out = project.flask("db", "upgrade", check=False).out
    assert "View names uses what this takes away from users" in out and "Traceback" not in out


def test_H53_where_the_development_database_stands_does_not_matter(anywhere: BakedProject) -> None:
    """Behind, at a revision of another branch, or not there at all."""
    project = anywhere
    project.add_column()
    first = project.revise("phone")
    project.edit(project.models / "users.py", "phone: Mapped", "fax: Mapped[int | None]\n    phone: Mapped")
    assert "adds column users.fax" in project.make("newmigration", "m=fax").out
    project.make("migrate")
    project.sql("UPDATE alembic_version SET version_num = 'elsewhere'")
    assert "Nothing to migrate" in project.make("newmigration", "m=nothing").out
    assert len(project.versions) == 3 and first in project.versions


def test_H60_upgrade_and_then_migrate_in_one_process(project: BakedProject) -> None:
    code = (
        "import sqlalchemy as sa; from flask_migrate import migrate, upgrade\n"
        "from my_app import create_app; from my_app.database import db\n"
        "with create_app().app_context():\n"
        "    upgrade()\n"
        "    db.metadata.tables['users'].append_column(sa.Column('phone', sa.String(30)))\n"
        "    migrate(message='phone')\n"
        "    upgrade()\n"
    )
    project.run(project.python, "-c", code, FLASK_DEBUG="1")
    assert "phone" in project.versions[-1].read_text()
    assert project.sql("SELECT phone FROM users") == []
