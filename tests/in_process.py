"""The library in a plain Flask application, in the process of the tests: nothing is baked, nothing started.

A `Shop` has its own MetaData, so that there can be many in one process. What a generated project adds of its
own (settings, its sentences, make) is not here.
"""

import gc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, make_url

from flask_safe_migrations import NAMING_CONVENTION, Migrate
from flask_safe_migrations.revisions import manifest

TEMPLATE = Path(__file__).parent.parent / "{{cookiecutter.project_slug}}" / "migrations"
ENVIRONMENT = """
from alembic import context
from flask_safe_migrations import Environment

environment = Environment(context, render_as_batch=True, compare_type=True, compare_server_default=True)

if context.is_offline_mode():
    environment.run_offline()
else:
    environment.run_online()
"""
DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql", "sqlite": "sqlite"}

Models = Callable[[SQLAlchemy], Any]


class Shop:
    """An application with a migrations/ folder, and the commands of the library."""

    def __init__(self, folder: Path, url: str, models: Models, **options: Any) -> None:
        self.folder = folder
        self.migrations = folder / "migrations"
        self.versions = self.migrations / "versions"
        if not self.versions.exists():
            self.versions.mkdir(parents=True)
            (self.migrations / "env.py").write_text(ENVIRONMENT)
            for name in ("script.py.mako", "alembic.ini"):
                if (TEMPLATE / name).exists():
                    (self.migrations / name).write_text((TEMPLATE / name).read_text())
        self.options = options
        self.url = make_url(url)
        self.be(models)

    def be(self, models: Models, **config: Any) -> None:
        """Make the application again with other models, as after an edit and a restart."""
        self.app = Flask("shop", root_path=str(self.folder), instance_path=str(self.folder / "instance"))
        self.app.debug = True
        url = self.url.set(drivername=DRIVERS[self.url.get_backend_name()])
        self.app.config.from_mapping(SQLALCHEMY_DATABASE_URI=url, **config)
        self.db = SQLAlchemy(metadata=MetaData(naming_convention=NAMING_CONVENTION))
        models(self.db)
        self.db.init_app(self.app)
        Migrate(self.app, self.db, directory=str(self.migrations), **self.options)

    def run(self, *arguments: str, code: int = 0, **env: str) -> str:
        """`flask db …`; return what it prints."""
        result = self.app.test_cli_runner().invoke(args=["db", *arguments], env=env)
        gc.unfreeze()  # the commands take for granted that the process ends
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.output

    def write_revision(self, name: str, body: str) -> Path:
        """Write a revision by hand on top of the newest, and list it."""
        texts = "".join(path.read_text() for path in self.versions.glob("*.py"))
        parents = set(re.findall(r"^down_revision = ['\"](.+)['\"]$", texts, re.MULTILINE))
        heads = set(re.findall(r"^revision = ['\"](.+)['\"]$", texts, re.MULTILINE)) - parents
        down = heads.pop() if heads else None
        path = self.versions / f"20991231_{len(list(self.versions.glob('*.py'))):04}_{name}.py"
        imports = "import sqlalchemy as sa\nfrom alembic import op\n"
        path.write_text(
            f'"""{name}"""\n\n{imports}\nrevision = "{name}"\ndown_revision = {down!r}\n\n{body}\n'
        )
        self.list_revisions()
        return path

    def list_revisions(self) -> None:
        from flask_safe_migrations import runtime

        with self.app.app_context():
            manifest.write(runtime.directory())

    def sql(self, statement: str) -> list[tuple]:
        with self.app.app_context(), self.db.engine.begin() as connection:
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    @property
    def revision(self) -> str | None:
        rows = self.sql(f"SELECT version_num FROM {self.options.get('version_table', 'alembic_version')}")
        return rows[0][0] if rows else None
