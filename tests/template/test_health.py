"""P5: what an orchestrator asks, and what it is answered at each point of a deployment."""

import dataclasses
import json
from pathlib import Path

import pytest
from project import Bake, BakedProject
from servers import HARD_PASSWORD, HARD_PASSWORD_IN_URL, free_port
from test_downgrades import PRODUCTION

ASK = """
import json, sys
from my_app import create_app
response = create_app().test_client().get(sys.argv[1])
loaded = [name for name in ("alembic", "flask_migrate", "migrations") if name in sys.modules]
print(json.dumps([response.status_code, response.json, loaded]))
"""
READY = (200, "ok")
BEHIND = (503, "is behind the code: flask db upgrade")
AWAY = (503, "does not answer")


def ask(project: BakedProject, path: str = "/health/ready", **env: str) -> tuple[int, str | None]:
    """Return the status and the answer about the database; nothing secret is in the answer or the log."""
    own = dataclasses.replace(project, forks=False)  # a forked one has loaded all libraries
    out = own.run(project.python, "-c", ASK, path, **PRODUCTION | env).out
    for secret in (HARD_PASSWORD, HARD_PASSWORD_IN_URL, PRODUCTION["SECRET_KEY"]):
        assert secret not in out
    status, answer, loaded = json.loads(out.splitlines()[-1])
    assert loaded == []
    assert (answer["status"] == "ok") is (status == 200)
    return status, answer.get("database")


def test_P5_ready_means_that_the_database_is_not_behind(anywhere: BakedProject) -> None:
    project = anywhere
    (project.path / "instance").mkdir()
    assert ask(project) == (BEHIND if project.url.startswith("sqlite") else AWAY)  # there is none yet
    project.flask("db", "upgrade", **PRODUCTION)
    assert ask(project) == ask(project, "/health") == READY
    project.add_column()
    project.revise("phone")  # the new code is there, and nobody has migrated yet
    assert ask(project) == BEHIND
    assert ask(project, "/health/live") == (200, None)
    project.flask("db", "upgrade", **PRODUCTION)
    assert ask(project) == READY
    head = project.path / "migrations" / "HEAD"
    new = head.read_text()
    head.write_text("".join(new.splitlines(keepends=True)[:-1]))  # the old code, which still runs
    assert ask(project) == READY
    head.write_text(new)
    project.sql("DELETE FROM alembic_version")
    assert ask(project) == BEHIND


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
def test_a_server_that_is_away(project: BakedProject, scheme: str) -> None:
    url = f"{scheme}://me:{HARD_PASSWORD_IN_URL}@127.0.0.1:{free_port()}/shop"
    assert ask(project, DATABASE_URL=url) == AWAY
    assert ask(project, "/health/live", DATABASE_URL=url) == (200, None)


def test_without_migrations_HEAD_the_database_has_to_answer(on: Bake) -> None:
    project = on("sqlite")
    project.make("db")
    (project.path / "migrations" / "HEAD").unlink()
    assert ask(project) == READY


def test_one_of_several_databases_that_is_behind_is_enough(on: Bake, tmp_path: Path) -> None:
    project = on("sqlite")
    project.env["SQLALCHEMY_BINDS"] = json.dumps({"log": f"sqlite:///{tmp_path}/log.db"})
    (project.path / "instance").mkdir()
    project.flask("db", "upgrade", "--bind", "default", **PRODUCTION)
    assert ask(project) == BEHIND
    project.flask("db", "upgrade", **PRODUCTION)
    assert ask(project) == READY


def test_a_database_inside_a_squashed_part_is_behind(project: BakedProject) -> None:
    project.make("db")
    project.add_column()
    project.revise("phone")
    project.make("migrate")
    project.flask("db", "squash", "--yes")
    assert ask(project) == READY
    project.sql("UPDATE alembic_version SET version_num = '3f1d9a62c0b7'")  # one that has not come along
    assert "# folded: 3f1d9a62c0b7" in (project.path / "migrations" / "HEAD").read_text()
    assert ask(project) == BEHIND
