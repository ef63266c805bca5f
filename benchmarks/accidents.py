"""The five accidents of the README, each caused with stock Flask-Migrate, Django and this library.

Run: PYTHONPATH=tests uv run --with "django<6" python benchmarks/accidents.py
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql
import servers
from sqlalchemy import create_engine, text

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("flask-migrate", "django", "this")
FLASK = """
import os, sqlite3
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, event
from sqlalchemy.engine import Engine
{imports}
db = SQLAlchemy({arguments})

@event.listens_for(Engine, "connect")
def enable_foreign_keys(connection, record):
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA foreign_keys = ON")

class Author(db.Model):
    __tablename__ = "authors"
    id = db.Column(db.Integer, primary_key=True)
    {columns}

class Book(db.Model):
    __tablename__ = "books"
    id = db.Column(db.Integer, primary_key=True)
    author_id = db.Column(db.ForeignKey("authors.id", ondelete="CASCADE"), nullable=False)

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE"]
db.init_app(app)
Migrate(app, db)
"""
ENV = """
from alembic import context
from flask_safe_migrations import Environment
environment = Environment(context, render_as_batch=True, compare_type=True)
environment.run_offline() if context.is_offline_mode() else environment.run_online()
"""
FLASK_REVISION = '''"""tags"""
import sqlalchemy as sa
from alembic import op
revision = "aaaaaaaaaaaa"
down_revision = "{base}"

def upgrade():
    op.create_table("tags", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20)))
    op.execute("INSERT INTO tags (id, name) VALUES (1, 'red')")
    op.execute("{last}")

def downgrade():
    op.drop_table("tags")
'''
# Django's own driver for MariaDB has to be compiled; PyMySQL stands in for it, under a version it accepts.
DJANGO_SETTINGS = """
import json, os, pymysql
pymysql.version_info = (2, 2, 7, "final", 0)
pymysql.install_as_MySQLdb()
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
DATABASES = {"default": json.loads(os.environ["DJANGO_DATABASE"])}
"""
DJANGO = """
from django.db import models
class Author(models.Model):
    {columns}
    class Meta:
        db_table = "authors"
class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE)
    class Meta:
        db_table = "books"
"""
DJANGO_REVISION = """
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.CreateModel(
            "Tag",
            [("id", models.AutoField(primary_key=True)), ("name", models.CharField(max_length=20))],
            options={{"db_table": "tags"}},
        ),
        migrations.RunSQL("INSERT INTO tags (id, name) VALUES (1, 'red')"),
        migrations.RunSQL("{last}"),
    ]
"""
# The columns of an author, for SQLAlchemy and for Django.
REQUIRED = ("name = db.Column(db.String(50), nullable=False)", "name = models.CharField(max_length=50)")
NULLABLE = ("name = db.Column(db.String(50))", "name = models.CharField(max_length=50, null=True)")
RENAMED = ("full_name = db.Column(db.String(50))", "full_name = models.CharField(max_length=50, null=True)")
NICK = (
    f"{REQUIRED[0]}\n    nick = db.Column(db.String(20))",
    f"{REQUIRED[1]}\n    nick = models.CharField(max_length=20, null=True)",
)


class Project:
    """A small application with migrations of one kind."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind = kind
        self.path = Path(tempfile.mkdtemp(prefix=f"{kind}-"))
        self.url = (url or f"sqlite:///{self.path}/data.db").replace("mariadb://", "mariadb+pymysql://")
        self.url = self.url.replace("postgresql://", "postgresql+psycopg://")
        parts = urlsplit(url)
        backend = {"": "sqlite3", "postgresql": "postgresql", "mariadb": "mysql"}[parts.scheme]
        database = {"ENGINE": f"django.db.backends.{backend}", "NAME": parts.path[1:]}
        database |= {"NAME": str(self.path / "data.db")} if not url else {}
        database |= {"USER": parts.username, "PASSWORD": parts.password or ""} if url else {}
        database |= {"HOST": parts.hostname, "PORT": parts.port} if url else {}
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("FLASK")} | {
            "DATABASE": self.url,
            "DJANGO_DATABASE": json.dumps(database),
            "DJANGO_SETTINGS_MODULE": "conf",
            "FLASK_APP": "app.py",
            "FLASK_DEBUG": "1",
            "PYTHONPATH": str(ROOT / "src"),
        }
        if kind == "django":
            (self.path / "shop" / "migrations").mkdir(parents=True)
            for package in ("shop", "shop/migrations"):
                (self.path / package / "__init__.py").touch()
            (self.path / "conf.py").write_text(DJANGO_SETTINGS)
        self.write_models(REQUIRED)
        if kind != "django":
            self.run("flask", "db", "init").check_returncode()
        if kind == "this":
            template = ROOT / "{{cookiecutter.project_slug}}" / "migrations" / "script.py.mako"
            (self.path / "migrations" / "env.py").write_text(ENV)
            (self.path / "migrations" / "script.py.mako").write_text(template.read_text())
        self.make_revision().check_returncode()

    def start(self, *arguments: str) -> subprocess.Popen:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=self.path, env=self.env, text=True, **pipes
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        process = self.start(*arguments)
        out = process.communicate()[0]
        return subprocess.CompletedProcess(process.args, process.returncode, out)

    def write_models(self, columns: tuple[str, str]) -> None:
        if self.kind == "django":
            (self.path / "shop" / "models.py").write_text(DJANGO.format(columns=columns[1]))
            return
        ours = self.kind == "this"
        (self.path / "app.py").write_text(
            FLASK.format(
                columns=columns[0],
                imports="from flask_safe_migrations import NAMING_CONVENTION, Migrate"
                if ours
                else "from flask_migrate import Migrate",
                arguments="metadata=MetaData(naming_convention=NAMING_CONVENTION)" if ours else "",
            )
        )

    def make_revision(self) -> subprocess.CompletedProcess:
        if self.kind == "django":
            return self.run("django", "makemigrations", "shop", "--noinput")
        return self.run("flask", "db", "new" if self.kind == "this" else "migrate", "-m", "change")

    def write_revision(self, last: str) -> None:
        """A revision of three statements, the last of which is this."""
        if self.kind == "django":
            path = self.path / "shop" / "migrations" / "0002_tags.py"
            path.write_text(DJANGO_REVISION.format(last=last))
            return
        versions = self.path / "migrations" / "versions"
        (first,) = (path for path in versions.glob("*.py") if path.stem != "tags")
        base = re.search(r"^revision(?:: str)? = ['\"](\w+)", first.read_text(), re.MULTILINE)
        (versions / "tags.py").write_text(FLASK_REVISION.format(base=base[1], last=last))

    @property
    def upgrade(self) -> tuple[str, ...]:
        return ("django", "migrate", "--noinput") if self.kind == "django" else ("flask", "db", "upgrade")

    def sql(self, *statements: str) -> list[tuple]:
        engine = create_engine(self.url)
        with engine.begin() as connection:
            results = [connection.execute(text(statement)) for statement in statements]
            rows = [tuple(row) for row in results[-1]] if results[-1].returns_rows else []
        engine.dispose()
        return rows


def rows_that_refer(kind: str, _server: None) -> str:
    project = Project(kind, "")
    project.run(*project.upgrade).check_returncode()
    for key in (1, 2, 3):
        project.sql(
            f"INSERT INTO authors (id, name) VALUES ({key}, 'A')",
            f"INSERT INTO books (author_id) VALUES ({key})",
        )
    project.write_models(NULLABLE)
    project.make_revision().check_returncode()
    code = project.run(*project.upgrade).returncode
    return f"exit {code}, {project.sql('SELECT count(*) FROM books')[0][0]} of 3 books left"


def half_way(kind: str, server: servers.Server) -> str:
    project = Project(kind, database(server, kind, "half"))
    project.run(*project.upgrade).check_returncode()
    project.write_revision("UPDATE nosuch SET name = 1")
    first = project.run(*project.upgrade).returncode
    project.write_revision("UPDATE tags SET name = 'blue'")
    second = project.run(*project.upgrade)
    reason = re.search(r"\(1\d{3}, [^)]*\)", second.stdout)
    return f"exit {first}; corrected: exit {second.returncode} {reason[0] if reason else ''}"


def four_at_once(kind: str, server: servers.Server) -> str:
    project = Project(kind, database(server, kind, "four"))
    project.write_revision("SELECT pg_sleep(2)")
    processes = [project.start(*project.upgrade) for _ in range(4)]
    for process in processes:
        process.communicate()
    return f"exit {sorted(process.returncode for process in processes)}"


def renamed_column(kind: str, _server: None) -> str:
    project = Project(kind, "")
    project.run(*project.upgrade).check_returncode()
    project.write_models(NULLABLE)
    project.make_revision().check_returncode()
    project.run(*project.upgrade).check_returncode()
    project.sql("INSERT INTO authors (id, name) VALUES (1, 'Ada')")
    project.write_models(RENAMED)
    made = project.make_revision().returncode
    project.run(*project.upgrade)
    return f"exit {made}; the row after the upgrade: {project.sql('SELECT * FROM authors')[0]}"


def blocked_readers(kind: str, server: servers.Server) -> str:
    project = Project(kind, database(server, kind, "readers"))
    project.run(*project.upgrade).check_returncode()
    project.write_models(NICK)
    project.make_revision().check_returncode()
    url = project.url.replace("+psycopg", "")
    waits = [0.0]
    done = threading.Event()

    def read() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not done.wait(0.05):
                start = time.monotonic()
                connection.execute("SELECT count(*) FROM authors")
                waits.append(time.monotonic() - start)

    with psycopg.connect(url) as holder:
        holder.execute("SELECT count(*) FROM authors")
        migration = project.start(*project.upgrade)
        reader = threading.Thread(target=read)
        reader.start()
        time.sleep(20)
    migration.communicate()
    done.set()
    reader.join()
    return f"exit {migration.returncode}, the longest read took {max(waits):.1f} s"


def database(server: servers.Server, kind: str, name: str) -> str:
    url = server.url(f"{kind.replace('-', '_')}_{name}_dev")
    parts = urlsplit(url)
    statement = f"CREATE DATABASE {parts.path[1:]}"
    if parts.scheme == "postgresql":
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)
    else:
        with pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username) as connection:
            connection.cursor().execute(statement)
    return url


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="accidents-") as folder,
        servers.mariadb() as mariadb,
        servers.postgresql() as postgresql,
    ):
        tempfile.tempdir = folder  # where each project gets a folder of its own
        for accident, server in (
            (rows_that_refer, None),
            (half_way, mariadb),
            (four_at_once, postgresql),
            (renamed_column, None),
            (blocked_readers, postgresql),
        ):
            for kind in KINDS:
                print(
                    f"{accident.__name__.replace('_', ' '):16} {kind:14} {accident(kind, server)}", flush=True
                )


if __name__ == "__main__":
    main()
