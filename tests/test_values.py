"""A value is the same text wherever it stands: what a revision writes, what it prints, what a row holds."""

import re
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest
from conftest import ENGINES, Bake
from project import BakedProject
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
from sqlalchemy import CheckConstraint, Enum, String
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
        command = [shutil.which("sqlite3") or pytest.skip("no sqlite3"), "-bail", f"/{name}"]
    elif parts.scheme == "postgresql":
        command = [find("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", project.url]
    else:
        command = [find("mariadb"), "--no-defaults", "-h127.0.0.1", f"-P{server.port}", "-uroot", name]
        command.append("--default-character-set=utf8mb4")
    result = subprocess.run(command, input=sql, env=env, text=True, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr


def test_F06_rows_get_the_default_that_was_said(rows: BakedProject) -> None:
    """Columns become required, and required ones are added: an UPDATE, and a server default."""
    project = rows
    required = [REQUIRED.format(letter, number) for letter in "bc" for number in NUMBERS]
    model(project, *required)
    said = [f"p.{letter}{n}={VALUES[n]}" for letter in "bc" for n in NUMBERS]
    new(project, "required", *(part for each in said for part in ("--default", each)))
    project.make("migrate")
    hold(project, "bc")
    project.make("rollback", "args=--yes")
    hold(project, "b")


ASKED = "{letter}{n}: Mapped[str] = mapped_column(String(300), {option}={value})"


def as_text(project: BakedProject, value: str) -> str:
    """The value in a model as SQL, as SQLAlchemy has to be told it: a colon is no parameter."""
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
        project.sql(f"INSERT INTO p (id, {names}) VALUES (3{', %r' % 'x' * len(VALUES)})")
        project.sql("DELETE FROM p WHERE c0 = 'x'")
        project.flask("db", "check")
        run_printed(project, server, down) if way == "printed" else project.make("rollback", "args=--yes")
