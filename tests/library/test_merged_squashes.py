"""A squash on one branch, and a squash or another revision on the other: no merge makes a wrong history."""

import os
import subprocess

import pytest
from histories import MODEL, TABLE, stored_revision, write_revision


@pytest.fixture
def three(project):
    """A project with the revisions first, second and third, which are applied."""
    names = ("first", "second", "third")
    project.models = "".join(MODEL.format(name.title()) for name in names)
    for name in names:
        write_revision(project, name, TABLE.format(name))
    project.flask("upgrade")
    return project


def git(project, *arguments):
    who = {f"GIT_{role}_{what}": "me@x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", *arguments]
    subprocess.run(command, cwd=project.path, check=False, capture_output=True, env=os.environ | who | alone)


def commit(project, branch):
    git(project, "checkout", "-b", branch)
    git(project, "add", "--force", "migrations")
    git(project, "commit", "-m", branch)


def two_branches(project, on_first, on_second):
    """Let each function change its own branch; merge the first into the second, which is `main`."""
    git(project, "init", "-b", "start")
    commit(project, "trunk")
    on_first()
    commit(project, "other")
    git(project, "checkout", "trunk")
    on_second()
    commit(project, "main")
    git(project, "merge", "other")


def texts(project):
    return {path.name: path.read_text() for path in project.versions}


def test_the_longer_one_of_two_squashes_stays(three):
    two_branches(
        three,
        lambda: three.flask("squash", "--upto", "second", "--yes"),
        lambda: three.flask("squash", "--yes"),
    )
    shorter, longer = (
        next(path for path in three.versions if path.name.endswith(f"up_to_{name}.py"))
        for name in ("second", "third")
    )
    before = texts(three)
    sentence = f"{shorter.name} was folded into {longer.name}: delete {shorter.name}."
    assert sentence in three.fails("rebase")
    assert texts(three) == before
    shorter.unlink()
    assert "migrations/HEAD was written again" in three.flask("rebase")
    assert "Pending   nothing" in three.flask("status")
    assert "✗" not in three.flask("verify")


def test_a_folded_file_that_a_merge_brings_back(three):
    folded = three.versions[1]
    text = folded.read_text()
    three.flask("squash", "--yes")
    folded.write_text(text)
    assert f"{folded.name} was folded into" in three.fails("upgrade")
    assert f"delete {folded.name}" in three.fails("rebase")
    assert stored_revision(three) == "third"


def test_two_squashes_neither_of_which_contains_the_other(three):
    def squash_with(name):
        write_revision(three, name, TABLE.format(name))
        three.flask("upgrade", "--undo-foreign")
        three.flask("squash", "--yes")

    two_branches(three, lambda: squash_with("theirs"), lambda: squash_with("mine"))
    before = texts(three)
    assert "are two squashes of the same revisions" in three.fails("rebase")
    assert texts(three) == before


def test_a_squash_that_contains_what_the_main_branch_lacks(three):
    """The main branch has gone on: neither its revision nor the baseline can go on top of the other."""

    def squash():
        write_revision(three, "theirs", TABLE.format("theirs"))
        three.flask("upgrade")
        three.flask("squash", "--yes")

    two_branches(three, squash, lambda: write_revision(three, "mine", TABLE.format("mine")))
    before = texts(three)
    sentence = three.fails("rebase")
    assert "mine.py comes after third, which" in sentence and "together with newer revisions" in sentence
    assert "take the merge back" in sentence
    assert texts(three) == before
