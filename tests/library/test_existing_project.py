"""A project with years of stock Flask-Migrate behind it follows the page existing-project.md step by step."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forking import server_in
from project import clean_environment
from sqlalchemy import create_engine, text

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "src" / "flask_safe_migrations" / "help" / "existing-project.md"
COMMANDS = re.findall(r"^\s*\$ (.+)$", PAGE.read_text(), re.MULTILINE)
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg2", "mariadb": "mysql+pymysql"}
IMPORTS = "from flask_safe_migrations import NAMING_CONVENTION\nfrom sqlalchemy import MetaData\n"
CONVENTION = f"{IMPORTS}db = SQLAlchemy(metadata=MetaData(naming_convention=NAMING_CONVENTION))"
PHONE = "    phone = db.Column(db.String(30))\n"


class Microblog:
    def __init__(self, path: Path, url: str) -> None:
        self.path, self.url = path, url
        self.python = Path(sys.executable)
        self.env = clean_environment() | {"DATABASE_URL": url, "FLASK_APP": "microblog", "FLASK_DEBUG": "1"}
        self.env["PYTHONPATH"] = str(ROOT / "src")

    def run(self, *command: str | Path, check: bool = True) -> str:
        result = subprocess.run(
            [str(part) for part in command],
            cwd=self.path,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert (result.returncode == 0) is check, result.stdout
        return result.stdout

    def flask(self, *arguments: str, check: bool = True) -> str:
        command = [str(self.python), "-m", "flask", *arguments]
        if self.python != Path(sys.executable):
            return self.run(*command, check=check)
        child = server_in(Path(sys.prefix)).start(command, self.path, self.env)
        output, _ = child.communicate(timeout=300)
        assert (child.returncode == 0) is check, output
        return output

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.path / file
        before = path.read_text()
        assert old in before
        path.write_text(before.replace(old, new))
        os.utime(path, (path.stat().st_mtime + 2,) * 2)

    def sql(self, statement: str) -> list[Any]:
        engine = create_engine(self.url)
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            rows = [tuple(row) for row in result] if result.returns_rows else []
        engine.dispose()
        return rows

    @property
    def head(self) -> str:
        ((revision,),) = self.sql("SELECT version_num FROM alembic_version")
        return str(revision)


@pytest.fixture
def blog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Microblog]:
    engine = getattr(request, "param", "sqlite")
    if engine == "sqlite":
        url = f"sqlite:///{tmp_path}/blog_dev.db"
    else:
        server = request.getfixturevalue(engine)
        maintenance = {"postgresql": "postgres", "mariadb": "mysql"}[engine]
        admin = create_engine(with_driver(server.url(maintenance), engine), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("DROP DATABASE IF EXISTS blog_dev"))
            connection.execute(text("CREATE DATABASE blog_dev"))
        admin.dispose()
        url = with_driver(server.url("blog_dev"), engine)
    blog = Microblog(tmp_path, url)
    blog.run(blog.python, ROOT / "tests" / "stock_history.py", tmp_path, url)
    yield blog


def with_driver(url: str, engine: str) -> str:
    return f"{DRIVERS[engine]}://{url.partition('://')[2]}"


def follow(blog: Microblog, commands: list[str]) -> None:
    """Run what the page says, with the changes in files that it asks for in between."""
    before, users = blog.head, blog.sql("SELECT id, username, email FROM users ORDER BY id")
    assert users == [(1, "ann", "ann@example.com"), (2, "bob", "2@example.com")]
    assert commands[0] == "flask db init --replace"
    blog.edit("microblog/__init__.py", "from flask_migrate import", "from flask_safe_migrations import")
    for command in commands:
        if command == "flask db verify":
            assert "✗" in blog.flask(
                "db", "verify", check=False
            )  # stock revisions drop columns, name nothing
            setting = f'    app.config["MIGRATION_CHECK_AFTER"] = "{before}"\n'
            blog.edit("microblog/__init__.py", "    db.init_app", f"{setting}    db.init_app")
        if command.startswith("flask db new"):
            blog.edit("microblog/models.py", "    settings =", f"{PHONE}    settings =")
        if command == "flask db adopt --yes":
            blog.edit("microblog/models.py", "db = SQLAlchemy()", CONVENTION)
        program, *arguments = shlex.split(command)
        assert program == "flask"
        output = blog.flask(*arguments)
        if command == "flask db status":
            assert "Pending   nothing" in output
        if command == "flask db verify":
            assert "✗" not in output
            assert "22 revisions are not judged" in output
        if command.startswith("flask db new"):
            assert "Proved: up, down and up again" in output
        if command == "flask db adopt --yes":
            assert re.search(r"^Renamed \d+\.$", output, re.MULTILINE)
        if command == "flask db downgrade":
            assert blog.head == before
    assert blog.head != before
    assert blog.sql("SELECT id, username, email, phone FROM users ORDER BY id") == [
        (*user, None) for user in users
    ]
    assert len((blog.path / "migrations" / "HEAD").read_text().splitlines()) == 24
    assert "✗" not in blog.flask("db", "verify")


@pytest.mark.parametrize("blog", DRIVERS, indirect=True)
def test_the_page_works_on_a_history_of_years(blog):
    follow(blog, COMMANDS[1:])
    # All of the history runs on a fresh database.
    blog.flask("db", "rebuild")
    # And back, but for what Flask-Migrate writes: on PostgreSQL a downgrade leaves the type of an enum, on
    # MariaDB it drops an index that a foreign key needs. Such are what MIGRATION_CHECK_AFTER is for.
    if blog.url.startswith("sqlite"):
        blog.flask("db", "downgrade", "--yes", "base")
        blog.flask("db", "upgrade")


@pytest.mark.slow
def test_the_wheel_is_installed_by_pip(blog, tmp_path):
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    blog.run(uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path / "dist", ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    blog.run(sys.executable, "-m", "venv", tmp_path / "venv")
    blog.python = tmp_path / "venv" / "bin" / "python"
    del blog.env["PYTHONPATH"]
    assert COMMANDS[0] == "pip install flask-safe-migrations"
    blog.run(blog.python, "-m", "pip", "install", "--quiet", wheel)
    assert "site-packages" in blog.run(
        blog.python, "-c", "import flask_safe_migrations as module; print(module.__file__)"
    )
    follow(blog, COMMANDS[1:])
