"""A baked project, and the few things that tests do with it."""

import itertools
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pymysql
from forking import clean_environment, server_for
from servers import LONGEST_WAIT

TEMPLATE = Path(__file__).parent.parent
ENGINES = ["sqlite", "postgresql", "mariadb"]
names = itertools.count(1)  # of databases
# What `make` adds to an error, the names of revisions that begin, and progress, which a slow machine shows.
NO_SENTENCE = re.compile(
    r"make: \*\*\*|  (\d+/\d+ )?(back: )?\S+ \(.*\)(, on a shadow database)?(: \S+/s.*)?$"
    r"|  (Copying|Loading|Replacing|Saving|comparing|writing) "
)


def interpreters() -> dict[str, Path]:
    """The Pythons of this machine that a project may run on: ours, pyenv's others, and those on the PATH."""
    ours = Path(sys.base_prefix)
    found = {f"3.{sys.version_info.minor}": (ours / "bin" / "python3").resolve()}
    for minor in (11, 12, 13):
        kept = ours.parent.glob(f"3.{minor}.*/bin/python3.{minor}")
        on_path = shutil.which(f"python3.{minor}")
        for path in [*kept, *([Path(on_path)] if on_path and "shims" not in on_path else [])]:
            found.setdefault(f"3.{minor}", path.resolve())
    return found


def rewrite(path: Path, text: str) -> None:
    """Write a file that may have been imported already."""
    changed = path.stat().st_mtime if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    if path.suffix == ".py":  # Python takes one of the same size and second for the one it has compiled
        os.utime(path, (max(changed + 2, time.time()),) * 2)


def install_library(environment: Path, template: Path) -> None:
    """Have an environment import the library from the template's src/, in the place of the wheel."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{environment / 'bin'}:{os.environ['PATH']}")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--python", environment / "bin" / "python"]
    subprocess.run([*command, "--editable", template], check=True, env=clean_environment())


@dataclass
class BakedProject:
    path: Path
    package: str = "my_app"
    env: dict[str, str] = field(default_factory=dict)
    forks: bool = True  # False: `flask`, `alembic`, `python -c` and make's `flask` start one of their own

    def copy_to(self, folder: Path) -> "BakedProject":
        """Return a copy of it in another folder, which a test may change."""
        return BakedProject(shutil.copytree(self.path, folder / self.path.name, symlinks=True), self.package)

    def share(self, environment: Path) -> "BakedProject":
        """Have it use an installed environment; return it."""
        (self.path / ".venv").symlink_to(environment)
        (environment / "ready").touch()  # newer than its pyproject.toml
        return self

    def run(self, *command: str | Path, check: bool = True, cwd: Path | None = None, **env: str) -> Any:
        """Run a command in the project; the result's `out` is everything it printed."""
        parts = [str(part) for part in command]
        whole = clean_environment() | self.env | env
        if (server := server_for(self.python, whole) if self.forks else None) and parts[0] == "make":
            parts.append(f"FLASK={server.instead_of_flask('.venv/bin/python')}")
        if server and (forked := self._forked(parts)):
            child = server.start(forked, cwd or self.path, whole)
            try:
                out, _ = child.communicate(timeout=300)
            except subprocess.TimeoutExpired:
                child.kill()
                raise
            result: Any = subprocess.CompletedProcess(parts, child.returncode, out)
        else:
            result = subprocess.run(
                parts,
                cwd=cwd or self.path,
                env=whole,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=300,
            )
        result.out = result.stdout
        if check:
            assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.out}"
        return result

    def _forked(self, parts: list[str]) -> list[str] | None:
        """Return the command for a fork server, if it runs only `flask`, `alembic` or code that is given."""
        if parts[:3] == [str(self.python), "-m", "flask"] or parts[:2] == [str(self.python), "-c"]:
            return parts
        if parts[0] == str(self.python.with_name("alembic")):
            return [str(self.python), *parts]
        return None

    def start(self, *arguments: str, **env: str) -> Any:
        """Start `flask …`; return what is used like a subprocess.Popen, with its output in a pipe."""
        whole = clean_environment() | self.env | env
        command = [str(self.python), "-m", "flask", *arguments]
        if server := server_for(self.python, whole) if self.forks else None:
            return server.start(command, self.path, whole)
        return subprocess.Popen(
            command,
            cwd=self.path,
            env=whole,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def python(self) -> Path:
        return self.path / ".venv" / "bin" / "python"

    def make(self, *arguments: str, check: bool = True, **env: str) -> Any:
        return self.run("make", *arguments, check=check, **env)

    def flask(self, *arguments: str, check: bool = True, **env: str) -> Any:
        return self.run(self.python, "-m", "flask", *arguments, check=check, **env)

    def alembic(self, *arguments: str, check: bool = True, **env: str) -> Any:
        return self.run(self.python.with_name("alembic"), *arguments, check=check, **env)

    def fails(self, *command: str | Path, code: int = 1, **env: str) -> str:
        """Run a command that has to fail with one sentence, after names of revisions; return the sentence."""
        result = self.run(*command, check=False, **env)
        assert result.returncode == code, result.out
        assert "Traceback" not in result.out, result.out
        lines = [line for line in result.out.splitlines() if not NO_SENTENCE.match(line)]
        assert len(lines) == 1, result.out
        return lines[0]

    def flask_fails(self, *arguments: str, code: int = 1, **env: str) -> str:
        return self.fails(self.python, "-m", "flask", *arguments, code=code, **env)

    @property
    def models(self) -> Path:
        return self.path / self.package / "models"

    @property
    def versions(self) -> list[Path]:
        return sorted((self.path / "migrations" / "versions").glob("*.py"))

    def edit(self, file: str | Path, old: str, new: str) -> None:
        path = self.path / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {path}"
        rewrite(path, text.replace(old, new))

    def add_column(self, line: str = "phone: Mapped[str | None] = mapped_column(String(30))") -> None:
        """Add a column to the example model User."""
        self.edit(self.models / "users.py", "    created_at:", f"    {line}\n    created_at:")

    def revise(self, message: str, answers: str = "") -> Path:
        """`make newmigration`; return the new file."""
        before = set(self.versions)
        self.make("newmigration", f"m={message}", f"args={answers}")
        (new,) = set(self.versions) - before
        return new

    def write_revision(self, name: str, body: str, down: str | None = None) -> Path:
        """Write a revision by hand on top of the newest; `body` holds upgrade() and what else there is."""
        texts = "".join(path.read_text() for path in self.versions)
        parents = re.findall(r'^down_revision = "(.+)"$', texts, re.MULTILINE)
        heads = set(re.findall(r'^revision = "(.+)"$', texts, re.MULTILINE)) - set(parents)
        down = down or heads.pop()
        path = self.path / "migrations" / "versions" / f"20991231_{len(self.versions):04}_{name}.py"
        head = f'revision = "{name}"\ndown_revision = "{down}"\n'
        imports = "import sqlalchemy as sa\nfrom alembic import op\n"
        path.write_text(f'"""{name}"""\n\n{imports}\n{head}\n{body}\n')
        return path

    def list_revisions(self) -> None:
        """Write migrations/HEAD, after revisions were written by hand; as `flask db new --prove` would."""
        code = (
            f"from {self.package} import create_app; from flask_safe_migrations import runtime; "
            "from flask_safe_migrations.revisions import manifest; create_app().app_context().push(); "
            "manifest.write(runtime.directory())"
        )
        self.run(self.python, "-c", code, check=False, FLASK_DEBUG="1")

    @property
    def url(self) -> str:
        return self.env.get("DATABASE_URL") or f"sqlite:///{self.path}/instance/{self.package}.db"

    def sql(self, statement: str) -> list[tuple]:
        """Run one statement on the project's database, past all of its own code; return the rows."""
        parts = urlsplit(self.url)
        if parts.scheme == "sqlite":
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection, connection:
                return connection.execute(statement).fetchall()
        if parts.scheme == "postgresql":
            with psycopg.connect(self.url, autocommit=True) as connection:
                cursor = connection.execute(statement)
                return cursor.fetchall() if cursor.description else []
        with pymysql.connect(
            host=parts.hostname,
            port=parts.port,
            user=parts.username,
            password=unquote(parts.password or ""),
            database=parts.path[1:],
            autocommit=True,
            read_timeout=LONGEST_WAIT,
        ) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())

    @property
    def revision(self) -> str | None:
        rows = self.sql("SELECT version_num FROM alembic_version")
        return rows[0][0] if rows else None


Bake = Callable[..., BakedProject]
