"""`make newmigration data=…`: rows are changed in batches, and a run that was cut short goes on."""

import re
from pathlib import Path

from project import BakedProject

ROWS = 3_500
NICK = "nick: Mapped[str | None] = mapped_column(String(100))"


def with_rows(project: BakedProject) -> None:
    project.add_column(NICK)
    project.revise("nick")
    project.make("migrate")
    values = ", ".join(f"({n}, '{n}@example.org', 'name {n}', '2026-11-21')" for n in range(100, 100 + ROWS))
    project.sql(f"INSERT INTO users (id, email, name, created_at) VALUES {values}")


def data_revision(project: BakedProject, value: str = "sa.func.upper(TABLE.c.name)") -> Path:
    before = set(project.versions)
    out = project.make("newmigration", "m=fill nick", "data=users.nick").out
    (path,) = set(project.versions) - before
    assert path.name in out and "make newmigration args=--prove" in out
    project.edit(path, '{"nick": ...}', f'{{"nick": {value}}}')
    return path


def test_H75_rows_are_changed_in_batches(anywhere: BakedProject) -> None:
    project = anywhere
    with_rows(project)
    project.edit(data_revision(project), "REPORT = 1 ", "REPORT = 0 ")
    out = project.flask("db", "new", "--prove").out
    assert "Proved: up (it cannot be taken back: the values that users.nick had before are not kept)" in out
    assert "Warning" not in out
    assert "UPDATE users SET nick=upper(users.name)" in project.make("sql").out
    out = project.make("migrate").out
    lines = re.findall(r"^    (\d+) of 3500 rows, up to id (\d+): \d+/s, (\d+) s left$", out, re.MULTILINE)
    assert [(int(done), int(key)) for done, key, _ in lines] == [
        (1000, 1099), (2000, 2099), (3000, 3099), (3500, 3599),
    ]  # fmt: skip
    assert lines[-1][2] == "0"
    assert project.sql("SELECT count(*) FROM users WHERE nick = upper(name)") == [(ROWS,)]
    sentence = project.fails("make", "rollback", code=2)
    assert "cannot be taken back: the values that users.nick had before are not kept" in sentence
    project.make("checkmigrations")
    project.make("lint")
    assert "Nothing to migrate" in project.make("newmigration", "m=again").out


def test_H75_a_run_that_was_cut_short_goes_on(anywhere: BakedProject) -> None:
    """One row in the fourth batch does not take the value; what is done is not done again."""
    project = anywhere
    with_rows(project)
    project.sql("CREATE UNIQUE INDEX nicks ON users (nick)")
    project.sql("UPDATE users SET nick = 'clash' WHERE id = 3300")
    project.sql("UPDATE users SET name = 'clash' WHERE id = 3200")
    data_revision(project, "TABLE.c.name")
    sentence = project.make("migrate", check=False)
    assert sentence.returncode and "fill_nick.py failed" in sentence.out and "Traceback" not in sentence.out
    # On SQLite all of the run is one transaction.
    done = 1 if project.url.startswith("sqlite") else 3001
    assert project.sql("SELECT count(*) FROM users WHERE nick IS NOT NULL") == [(done,)]
    project.sql("UPDATE users SET name = 'no clash' WHERE id = 3200")
    project.sql("UPDATE users SET name = 'changed since' WHERE id = 100")
    project.make("migrate")
    assert project.sql("SELECT count(*) FROM users WHERE nick IS NULL") == [(0,)]
    assert project.sql("SELECT nick FROM users WHERE id = 3200") == [("no clash",)]
    again = "changed since" if project.url.startswith("sqlite") else "name 100"
    assert project.sql("SELECT nick FROM users WHERE id = 100") == [(again,)]


def test_the_names_may_be_left_to_be_filled_in(project: BakedProject) -> None:
    project.make("newmigration", "m=some data", "data=1")
    assert "your_table" in project.versions[-1].read_text()
    assert "replace the ... in VALUES" in project.flask_fails("db", "new", "--prove")
    project.edit(project.versions[-1], '{"your_column": ...}', '{"your_column": 1}')
    sentence = project.flask_fails("db", "new", "--prove")
    assert "no such table: your_table" in sentence
    project.versions[-1].unlink()
    sentence = project.fails("make", "newmigration", "m=some data", "data=users.nosuch", code=2)
    assert "data=TABLE.COLUMN" in sentence and len(project.versions) == 1
    project.make("newmigration", "m=some data", "data=user_tags.tag_id")
    assert "KEY = TABLE.c.user_id" in project.versions[-1].read_text()
