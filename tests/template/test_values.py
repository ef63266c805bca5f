"""A value is the same text wherever it stands: what a revision writes, what it prints, what a row holds."""

import re
import subprocess
from urllib.parse import urlsplit

import pytest
from project import ENGINES, Bake, BakedProject
from servers import Server, find

# What a driver, sa.text(), Python, a client or the server may each take for something else.
VALUES = [
    "50% of x",
    "at :noon",
    "100%% %s %(x)s %",
    ":noon: a:b ::int :1 12:30 \\:x \\\\:y \\: z :é",
    "back\\slash C:\\new\\ \\' \\\" \\%",
    "'it''s' \"quoted\" `so` '",
    "two\nlines,  two\tspaces;\n-- no comment /* none */",
    "\u00fcml\u00e4ut \u2192 \U0001f600 {x} $1 ?",
]
ALL = " | ".join(VALUES)
COMMENT = ALL.replace("\U0001f600", "")  # MariaDB's own tables have utf8mb3
MODEL = """
from sqlalchemy import CheckConstraint, Enum, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from ..database import db


class P(db.Model):
    __tablename__ = "p"

    id: Mapped[int] = mapped_column(primary_key=True)
{columns}
"""


def model(project: BakedProject, *columns: str) -> None:
    path = project.models / "p.py"
    text = MODEL.replace("{columns}", "".join(f"    {line}\n" for line in columns))
    path.write_text(text, encoding="utf-8")
    names = project.models / "__init__.py"
    if "p import P" not in names.read_text():
        names.write_text(names.read_text() + "\nfrom .p import P  # noqa: E402, F401\n")


def literal(project: BakedProject, value: str) -> str:
    value = value.replace("'", "''")
    return "'" + (value.replace("\\", "\\\\") if project.url.startswith("mariadb") else value) + "'"


def new(project: BakedProject, message: str, *answers: str) -> str:
    out = project.flask("db", "new", "-m", message, *answers).out
    assert "Proved: up, down" in out, out
    return out


def column(project: BakedProject, name: str) -> list[str]:
    return [value for (value,) in project.sql(f"SELECT {name} FROM p ORDER BY id")]


NUMBERS = range(len(VALUES))
REQUIRED = "{}{}: Mapped[str] = mapped_column(String(300))"
NULLABLE = "b{}: Mapped[str | None] = mapped_column(String(300))"


@pytest.fixture
def rows(anywhere: BakedProject) -> BakedProject:
    """A project with a table whose columns b0, b1, … are NULL in all of its rows."""
    project = anywhere
    model(project, *map(NULLABLE.format, NUMBERS))
    new(project, "p")
    project.make("migrate")
    project.sql("INSERT INTO p (id) VALUES (1), (2)")
    return project


def hold(project: BakedProject, letters: str) -> None:
    """All rows have the first value in the column of number 0, and so on."""
    for number, value in enumerate(VALUES):
        for letter in letters:
            assert column(project, f"{letter}{number}") == [value, value]


def run_printed(project: BakedProject, server: Server | None, sql: str) -> None:
    """Run SQL as somebody does who is handed it: by the engine's own client."""
    parts = urlsplit(project.url)
    name = parts.path[1:]
    env = {}
    if server is None:
        command = [find("sqlite3"), "-bail", f"/{name}"]
    elif parts.scheme == "postgresql":
        command = [find("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", project.url]
    else:
        command = [find("mariadb"), "--no-defaults", "-h127.0.0.1", f"-P{server.port}", "-uroot", name]
        command.append("--default-character-set=utf8mb4")
    result = subprocess.run(command, input=sql, env=env, text=True, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr


def test_F06_rows_get_the_default_that_was_given(rows: BakedProject) -> None:
    """Columns become required, and required ones are added: an UPDATE, and a server default."""
    project = rows
    required = [REQUIRED.format(letter, number) for letter in "bc" for number in NUMBERS]
    model(project, *required)
    defaults = [f"p.{letter}{n}={VALUES[n]}" for letter in "bc" for n in NUMBERS]
    new(project, "required", *(part for each in defaults for part in ("--default", each)))
    project.make("migrate")
    hold(project, "bc")
    project.make("rollback", "args=--yes")
    hold(project, "b")


ASKED = "{letter}{n}: Mapped[str] = mapped_column(String(300), {option}={value})"


def as_text(project: BakedProject, value: str) -> str:
    """The value in a model as SQL, as SQLAlchemy needs it: a colon is no parameter."""
    return repr(re.sub(r"(?<![:\w\\])(?=:\w+(?![:\w]))|(?=\\:\w*(?![:\w]))", r"\\", literal(project, value)))


@pytest.mark.parametrize("engine", ENGINES)
def test_F06_defaults_checks_and_comments_of_the_model(
    engine: str, on: Bake, request: pytest.FixtureRequest
) -> None:
    """And the printed SQL, run by the engine's own client, leaves the same rows."""
    project = on(engine)
    server = None if engine == "sqlite" else request.getfixturevalue(engine)
    model(project, "b: Mapped[str | None] = mapped_column(String(300))")
    new(project, "p")
    project.make("migrate")
    project.sql("INSERT INTO p (id) VALUES (1), (2)")
    before = project.revision
    columns = [f"b: Mapped[str | None] = mapped_column(String(300), comment={COMMENT!r})"]
    checks = []
    for n, value in enumerate(VALUES):
        text = as_text(project, value)
        columns.append(ASKED.format(letter="c", n=n, option="default", value=repr(value)))
        columns.append(ASKED.format(letter="d", n=n, option="server_default", value=repr(value)))
        columns.append(ASKED.format(letter="e", n=n, option="server_default", value=f"sql({text})"))
        checks.append(f"CheckConstraint('b <> ' {text}, name='b{n}')")
    model(project, *columns, f"__table_args__ = ({', '.join(checks)},)")
    new(project, "defaults")
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "again").out

    up, down = (
        project.run("sh", "-c", f"{project.python} -m flask db {way} --sql 2>errors").out
        for way in (f"upgrade {before}:head", f"downgrade head:{before}")
    )
    for way in ("online", "printed"):
        run_printed(project, server, up) if way == "printed" else project.make("migrate")
        hold(project, "cde")
        for n, value in enumerate(VALUES):
            with pytest.raises(Exception, match=f"b{n}"):
                project.sql(f"UPDATE p SET b = {literal(project, value)}")
        names = ", ".join(f"c{n}" for n in NUMBERS)
        project.sql(f"INSERT INTO p (id, {names}) VALUES (3" + ", 'x'" * len(VALUES) + ")")
        project.sql("DELETE FROM p WHERE c0 = 'x'")
        project.flask("db", "check")
        run_printed(project, server, down) if way == "printed" else project.make("rollback", "args=--yes")


def test_F06_values_of_an_enum_and_what_a_downgrade_brings_back(anywhere: BakedProject) -> None:
    """A value is added to the type, another one is its default; then the column is dropped."""
    project = anywhere
    values = [value.replace("\U0001f600", "") for value in VALUES]
    mood = "mood: Mapped[str] = mapped_column(Enum({}, name='mood', create_constraint=True){})"
    kept = f"kept: Mapped[str | None] = mapped_column(String(300), server_default={VALUES[3]!r})"
    note = f"note: Mapped[str | None] = mapped_column(String(300), server_default={VALUES[1]!r})"
    default = f", server_default={values[1]!r}"
    where = as_text(project, VALUES[3])
    index = f"__table_args__ = (Index('ix', 'note', {{}}=sql('note <> ' {where})),)"
    index = index.format(f"{urlsplit(project.url).scheme}_where")  # MariaDB has none
    note = f"{note}\n    {index}" if "mariadb" not in project.url else note
    model(project, mood.format(repr(values)[1:-1], ""), kept, note)
    new(project, "mood")
    for n, more in enumerate(["more: 50%%", "more :x"], 1):  # put in place, and the type made again
        values = [*values[:n], more, *values[n:]]
        model(project, mood.format(repr(values)[1:-1], default if n == 2 else ""), kept, note)
        new(project, f"more {n}")
    project.make("migrate")
    for n, value in enumerate(values, 1):
        project.sql(f"INSERT INTO p (id, mood) VALUES ({n}, {literal(project, value)})")
    assert column(project, "mood") == values
    project.sql("INSERT INTO p (id) VALUES (100)")
    assert column(project, "mood")[-1] == VALUES[1]
    # A rebuild on SQLite leaves the other columns as they were.
    model(project, kept.replace("String(300)", "String(310)"), note)
    new(project, "none", "--drop", "p.mood")
    project.make("migrate")
    project.sql("INSERT INTO p (id) VALUES (101)")
    assert set(column(project, "kept")) == {VALUES[3]}
    project.make("rollback", "args=--yes")
    assert set(column(project, "mood")) <= {values[0], VALUES[1]}
    project.sql(f"INSERT INTO p (id, mood) VALUES (102, {literal(project, values[2])})")
    assert column(project, "note")[-1] == VALUES[1] and column(project, "kept")[-1] == VALUES[3]
    project.sql("DELETE FROM p")
    project.make("migrate")
    (project.models / "p.py").unlink()
    project.edit(project.models / "__init__.py", "from .p import P  # noqa: E402, F401", "")
    new(project, "no table", "--drop", "p")
    project.make("migrate")
    project.make("rollback", "args=--yes")
    project.sql("INSERT INTO p (id) VALUES (1)")
    assert column(project, "kept") == [VALUES[3]]


@pytest.mark.parametrize("engine", ENGINES)
def test_F06_data_revisions_and_the_rows_of_a_baseline(
    engine: str, on: Bake, request: pytest.FixtureRequest
) -> None:
    project = on(engine)
    server = None if engine == "sqlite" else request.getfixturevalue(engine)
    model(project, "b: Mapped[str | None] = mapped_column(String(1000))")
    new(project, "p")
    project.write_revision(
        "rows", "def upgrade():\n    op.execute('INSERT INTO p (id) VALUES (1), (2)')\n\n\n"
        "def downgrade():\n    op.execute('DELETE FROM p')\n"
    )  # fmt: skip
    project.list_revisions()
    before = set(project.versions)
    project.make("newmigration", "m=fill", "data=p.b")
    (path,) = set(project.versions) - before
    text = path.read_text(encoding="utf-8").replace('{"b": ...}', f'{{"b": {ALL!r}}}')
    path.write_text(
        re.sub(r"    raise NotImpl.*", "    # safe: for a test\\n    pass", text), encoding="utf-8"
    )
    project.flask("db", "new", "--prove")
    project.make("db")
    assert column(project, "b") == [ALL, ALL]
    printed = project.run("sh", "-c", f"{project.python} -m flask db upgrade rows:head --sql 2>errors").out
    (update,) = re.findall(r"^UPDATE p .*?IS NULL;", printed, re.DOTALL | re.MULTILINE)
    project.sql("UPDATE p SET b = NULL")
    run_printed(project, server, update)
    assert column(project, "b") == [ALL, ALL]

    project.flask("db", "squash", "--yes")
    project.make("db")
    assert len(project.versions) == 1 and column(project, "b") == [ALL, ALL]
    assert project.run(
        project.python, "-c", AS_SQL.replace("{package}", project.package), FLASK_DEBUG="1"
    ).out
    assert column(project, "b") == [ALL, ALL, *VALUES, *VALUES]


# A table that no typed insert fits is written into a baseline as SQL, on one line or, as a function, on many.
AS_SQL = """
import random
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from {package} import create_app
from flask_safe_migrations.backends.escaping import escaped
from flask_safe_migrations.runtime import binds
from flask_safe_migrations.squash.rendering import render_execute
from flask_safe_migrations.squash.rows import as_sql

VALUES = {values}
for _ in range(20_000):
    said = "".join(random.choices([":", "\\\\", "a", "é", "1", " ", "'", "%"], k=random.randint(1, 9)))
    assert str(sa.text(escaped(said))) == said, said
with create_app().app_context():
    (database,) = binds.databases()
    with database.connect() as connection:
        op = Operations(MigrationContext.configure(connection))
        for start in ("INSERT INTO p (id, b)", "INSERT INTO p\\n  (id, b)"):
            for value in VALUES:
                number = connection.scalar(sa.text("SELECT max(id) + 1 FROM p"))
                exec(render_execute(f"{start} VALUES ({number}, {as_sql(value, connection.dialect)})"))
        connection.commit()
print("done")
""".replace("{values}", repr(VALUES))
