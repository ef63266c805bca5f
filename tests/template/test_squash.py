"""A long history is folded into one baseline: same schema and rows; status shows each database its way."""

import dataclasses
import re

import catalogue
import long_chain
import pytest
from project import ENGINES, Bake, BakedProject

BASELINE = "3f1d9a62c0b7"
# A family of sixteen revisions is all kinds of them; the servers prove what six families prove as well.
COUNTS = {"sqlite": 300, "postgresql": 100, "mariadb": 100}


def beside(project: BakedProject, name: str) -> BakedProject:
    """The same project with another database."""
    url = project.url.replace("_dev", f"_{name}_dev").replace("my_app.db", f"{name}.db")
    return dataclasses.replace(project, env=project.env | {"DATABASE_URL": url})


def git(project: BakedProject, *arguments: str) -> str:
    settings = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    return project.run("git", *settings, *arguments).out


def commit(project: BakedProject, tag: str) -> None:
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", tag)
    git(project, "tag", tag)


def with_chain(on: Bake, engine: str, count: int) -> BakedProject:
    project = on(engine)
    long_chain.write(project.path / "migrations" / "versions", engine, BASELINE, count)
    git(project, "init", "--quiet", ".")
    commit(project, "v1.0")
    return project


def populate(project: BakedProject) -> None:
    """Rows of the people who use it."""
    project.sql("INSERT INTO users (email, name) VALUES ('ada@example.com', 'Ada')")
    project.sql("INSERT INTO things_1 (name, amount) VALUES ('theirs', 7)")


def refused(project: BakedProject, release: str, *commands: list[str]) -> None:
    """Each command says in one sentence which release to go through, and changes nothing."""
    before = catalogue.schema(project), catalogue.rows(project)
    for command in commands:
        sentence = project.flask_fails("db", *command)
        assert f"go through {release} first" in sentence, sentence
    status = project.flask("db", "status", check=False)
    assert status.returncode == 1
    assert f"go through {release} first" in status.out
    assert (catalogue.schema(project), catalogue.rows(project)) == before


@pytest.mark.parametrize("engine", ENGINES)
def test_H68_hundreds_of_revisions_are_folded_and_databases_before_at_after_and_inside_go_on_or_are_reported(
    on: Bake, engine: str
) -> None:
    count, half_way = COUNTS[engine], COUNTS[engine] // 2
    middle = long_chain.revision(half_way - 1)
    project = with_chain(on, engine, count)
    files = {path.name: path.read_bytes() for path in project.versions}
    inside, at, after = (beside(project, name) for name in ("inside", "at", "after"))
    inside.flask("db", "upgrade", long_chain.revision(count // 3))
    at.flask("db", "upgrade", middle)
    after.flask("db", "upgrade")
    wanted, reference = catalogue.schema(after), catalogue.rows(after)
    for database in (inside, at, after):
        populate(database)
    theirs = {name: catalogue.rows(database) for name, database in (("at", at), ("after", after))}

    # From the middle.
    out = project.flask("db", "squash", "--upto", middle, "--yes").out
    assert f"Folding {half_way + 1} of {count + 1} revisions" in out
    assert "changes rows: the rows of things_1 are carried over" in out
    assert len(project.versions) == half_way + 1
    commit(project, "v2.0")
    fresh = beside(project, "fresh")
    fresh.flask("db", "upgrade")
    assert catalogue.schema(fresh) == wanted
    assert catalogue.rows(fresh) == reference
    refused(inside, "v1.0", ["upgrade"], ["sql"], ["downgrade", "--yes"], ["check"], ["current"])
    at.flask("db", "upgrade")
    assert catalogue.schema(at) == wanted
    for table, rows in theirs["at"].items():
        assert len(catalogue.rows(at)[table]) >= len(rows), table
    assert at.sql("SELECT name FROM users") == [("Ada",)]
    assert "Nothing to do" in after.flask("db", "upgrade").out
    assert (catalogue.schema(after), catalogue.rows(after)) == (wanted, theirs["after"])

    # To the head, what was folded before included.
    half = beside(project, "half")
    half.flask("db", "upgrade", long_chain.revision(count * 2 // 3))
    out = project.flask("db", "squash", "--yes").out
    assert f"Folding {half_way + 1} of {half_way + 1} revisions" in out
    assert len(project.versions) == 1
    commit(project, "v3.0")
    one = beside(project, "one")
    one.flask("db", "upgrade")
    assert catalogue.schema(one) == wanted
    assert catalogue.rows(one) == reference
    refused(inside, "v1.0", ["upgrade"])
    refused(half, "v2.0", ["upgrade"])
    for database in (at, after, fresh):
        assert "Nothing to do" in database.flask("db", "upgrade").out
    assert catalogue.rows(after) == theirs["after"]
    one.flask("db", "downgrade", "base", "--yes")
    assert catalogue.rows(one) == {}
    assert not re.findall(r"things_\d|own[_ ]\d|new_name|users|seen_\d", "".join(catalogue.schema(one)))

    # And all the way back.
    assert f"{half_way + 1} files" in project.flask("db", "squash", "--undo").out
    assert f"{half_way + 1} files" in project.flask("db", "squash", "--undo").out
    assert {path.name: path.read_bytes() for path in project.versions} == files
    inside.flask("db", "upgrade")
    assert catalogue.schema(inside) == wanted
