"""P10: the rename of docs/deployment.md, word for word, under traffic: old and new code on one database."""

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from project import ENGINES, Bake, BakedProject, clean_environment, rewrite
from test_against import BASELINE
from test_containers import SETTINGS
from test_deployments import wait_until

PRODUCTION = SETTINGS | {"FLASK_DEBUG": "0"}
STILL = "# In the database still"
ENOUGH = 5  # rounds of requests in each state
# An application in production: it makes, changes and reads people, and says after each commit what it wrote.
# `field` is the attribute that this release uses. Of two processes each changes its half of the rows.
TRAFFIC = """
import json, random, sys, time
from pathlib import Path
from flask import request
from sqlalchemy import func, select
from wsgi import app
from my_app.database import db
from my_app.models.users import User

folder, number, field = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


@app.put("/people/<email>")
def put(email):
    user = db.session.scalar(select(User).where(User.email == email))
    if user is None:
        user = User(email=email)
        db.session.add(user)
    setattr(user, field, request.get_data(as_text=True))
    db.session.commit()
    return {"id": user.id}


@app.get("/people/<email>")
def get(email):
    user = db.session.scalars(select(User).where(User.email == email)).one()
    return {"name": getattr(user, field)}


@app.get("/people")
def people():
    newest = db.session.scalars(select(User).order_by(User.id.desc()).limit(100))
    return [(user.id, user.email, getattr(user, field)) for user in newest]


client, log, mine = app.test_client(), (folder / f"log-{number}").open("a"), {}


def write(email, name):
    answer = client.put(f"/people/{email}", data=name, base_url="http://shop.example")
    assert answer.status_code == 200, answer.text
    print(json.dumps([time.monotonic(), email, name]), file=log, flush=True)
    mine[email] = name


def read(path):
    answer = client.get(path, base_url="http://shop.example")
    assert answer.status_code == 200, answer.text
    return answer.json


for round in range(1_000_000):
    role = (folder / f"role-{number}").read_text()
    if role == "stop":
        break
    write(f"{number}-{round}@example.com", f"{number}-{round}@example.com is new")
    everybody = [row for row in read("/people") if row[0] % 2 == (role == "old")]
    for id, email, name in random.sample(everybody, min(3, len(everybody))):
        assert name and name.startswith(email), (id, email, name)
        write(email, f"{email} changed by {number} in {round}")
        assert read(f"/people/{email}") == {"name": mine[email]}
    (folder / f"round-{number}").write_text(str(round))
"""


class Release:
    """A copy of the project as it was deployed, and the process that serves it."""

    def __init__(self, project: BakedProject, folder: Path, number: int, field: str) -> None:
        self.folder, self.number, self.field = folder, number, field
        ignore = shutil.ignore_patterns("instance", "__pycache__")
        copy = shutil.copytree(project.path, folder / f"release-{number}", symlinks=True, ignore=ignore)
        self.project = BakedProject(copy, env=project.env | PRODUCTION)

    def start(self) -> None:
        self.be("new")
        self.output = (self.folder / f"output-{self.number}").open("w+")
        self.process = subprocess.Popen(
            [self.project.python, "-c", TRAFFIC, self.folder, str(self.number), self.field],
            cwd=self.project.path,
            env=clean_environment() | self.project.env,
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )

    def be(self, role: str) -> None:
        new = self.folder / f"role-{self.number}.new"
        new.write_text(role)
        new.replace(self.folder / f"role-{self.number}")  # whole, whenever it is read

    def serves(self, rounds: int = ENOUGH) -> None:
        """Wait until so many more rounds are done without an error."""
        path, wanted = self.folder / f"round-{self.number}", rounds + self.rounds
        wait_until(lambda: self.rounds >= wanted or self.process.poll() is not None, 120)
        assert self.process.poll() is None, Path(self.output.name).read_text()
        assert path.exists()

    @property
    def rounds(self) -> int:
        path = self.folder / f"round-{self.number}"
        return int(path.read_text() or 0) if path.exists() else 0

    def stop(self) -> None:
        self.be("stop")
        assert self.process.wait(60) == 0, Path(self.output.name).read_text()


def page(project: BakedProject) -> list[str]:
    """Return the four deployments of the page."""
    text = (project.path / "docs" / "deployment.md").read_text()
    return re.split(r"^### \d\. .*$", text, flags=re.MULTILINE)[1:]


def develop(project: BakedProject, text: str) -> Path:
    """Do what a deployment of the page says, word for word and in its order; return the new revision."""
    users, before = project.models / "users.py", set(project.versions)
    path = f"{project.python.parent}:{os.environ['PATH']}"

    def new() -> Path:
        (revision,) = set(project.versions) - before
        return revision

    for language, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        source = users.read_text()
        if language == "sh":
            project.run("sh", "-c", block, PATH=path)
        elif block.startswith("class User"):
            before_it, _, rest = source.partition(STILL)[0].rstrip().partition("class User")
            rewrite(users, f"{before_it}{block}{rest[rest.index('    created_at:') :]}\n")
        elif block.startswith(STILL):
            rewrite(users, f"{source}\n\n{block}")
        else:  # lines of the new revision
            for line in block.splitlines():
                start = line.partition(" = ")[0]
                (old,) = re.findall(rf"^{start} = .*$", new().read_text(), re.MULTILINE)
                rewrite(new(), new().read_text().replace(old, line))
    for line, reason in re.findall(r"^- `(.+)`: `(# safe: .+)`$", text, re.MULTILINE):
        source = new().read_text()
        assert line in source, source
        pattern = rf"^( *)(.*{re.escape(line)})"
        rewrite(new(), re.sub(pattern, rf"\1{reason}\n\1\2", source, count=1, flags=re.MULTILINE))
    return new()


def written(folder: Path) -> dict[str, str]:
    """Return the last name of each person that a process has written and has stored, by its own account."""
    lines = [json.loads(line) for log in folder.glob("log-*") for line in log.read_text().splitlines()]
    return {email: name for _, email, name in sorted(lines)}


@pytest.mark.parametrize("engine", ENGINES)
def test_P10_a_rename_under_traffic_in_four_deployments(on: Bake, engine: str, tmp_path: Path) -> None:
    project = on(engine)
    if engine == "sqlite":
        project.env["DATABASE_URL"] = f"sqlite:///{tmp_path}/production.db"
    project.edit(
        project.models / "users.py",
        "mapped_column, relationship\n",
        "mapped_column, relationship, validates\n",
    )
    releases, at = [Release(project, tmp_path, 0, "name")], BASELINE
    for number, text in enumerate(page(project), 1):
        revision = develop(project, text).stem.split("_")[2]
        asked = project.flask("db", "verify", "--against", at)
        assert "✓ nothing breaks" in asked.out and revision in asked.out
        releases.append(Release(project, tmp_path, number, "name" if number == 1 else "full_name"))
        at = revision
    releases[0].project.flask("db", "upgrade")
    releases[0].start()
    for old, new in itertools.pairwise(releases):
        old.serves()
        new.project.flask("db", "upgrade")  # under the traffic of the old code
        old.serves()
        old.be("old")
        new.start()
        new.serves()
        old.serves()  # both at once
        old.stop()
    new.serves()
    new.stop()
    stored = dict(project.sql("SELECT email, full_name FROM users"))
    assert stored == written(tmp_path) and len(stored) > 12 * ENOUGH
    assert project.revision == at
