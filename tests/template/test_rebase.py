"""Real git repositories: whatever branches do, there is one chain; database and models follow it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from project import Bake, BakedProject, rewrite

GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_EDITOR": "true",
    **{f"GIT_{who}_{what}": "me@here" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


@dataclass
class Repository:
    """A project under version control, each branch of which adds a table."""

    project: BakedProject

    def git(self, *arguments: str | Path, check: bool = True) -> str:
        return self.project.run("git", *arguments, check=check, **GIT).out

    def start(self) -> None:
        (self.project.path / ".gitignore").open("a").write(".venv\nuv.lock\n")
        self.git("init", "-b", "main")
        self.commit("generated")
        self.project.make("db")
        self.project.sql("INSERT INTO tags (id, name) VALUES (7, 'precious')")

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "-m", message)

    def add_table(self, name: str, *, apply: bool = True) -> str:
        """Add a model with a table of this name and its revision; return the revision's id."""
        rewrite(
            self.project.models / f"{name}.py",
            "from sqlalchemy.orm import Mapped, mapped_column\n\nfrom ..database import db\n\n\n"
            f"class {name.title()}(db.Model):\n"
            f'    __tablename__ = "{name}"\n\n    id: Mapped[int] = mapped_column(primary_key=True)\n',
        )
        path = self.project.revise(f"add {name}")
        if apply:
            self.project.make("migrate")
        self.commit(f"add {name}")
        return path.name.split("_")[2]

    def branch(self, name: str, start: str = "main") -> None:
        self.git("checkout", "-b", name, start)

    def chain(self) -> list[str]:
        """Return the messages of the revisions, oldest first, as git keeps them in migrations/HEAD."""
        lines = (self.project.path / "migrations" / "HEAD").read_text().splitlines()
        return [line.split(maxsplit=2)[2] for line in lines if not line.startswith("#")]

    def check(self, *chain: str) -> None:
        """One chain, in this order; database and models follow it, the row is there."""
        assert self.chain() == ["baseline", *(f"add {name}" for name in chain)]
        self.project.make("migrate")
        out = self.project.flask("db", "verify").out
        assert "✗" not in out
        assert self.project.flask("db", "check").out.strip().endswith("No new upgrade operations detected.")
        status = self.project.make("status").out
        assert "Pending   nothing" in status and "Changed" not in status
        assert self.project.sql("SELECT id, name FROM tags WHERE id = 7") == [(7, "precious")]
        names = [path.name for path in self.project.versions]
        assert len(names) == len(chain) + 1
        assert self.git("status", "--short") == ""


@pytest.fixture
def repository(bake: Bake) -> Repository:
    repository = Repository(bake())
    repository.start()
    return repository


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_H55_two_branches_conflict_in_git_and_not_in_production(on: Bake, engine: str) -> None:
    """My branch takes in the main branch: what I have applied is taken back, and goes on top."""
    repository = Repository(on(engine))
    repository.start()
    project = repository.project
    repository.branch("mine")
    repository.add_table("phones")
    repository.git("checkout", "main")
    theirs = repository.add_table("nicks", apply=False)
    repository.git("checkout", "mine")
    assert "CONFLICT (content): Merge conflict in migrations/HEAD" in repository.git(
        "merge", "main", check=False
    )
    for command in (["upgrade"], ["new", "-m", "x"], ["status"]):
        assert "`make rebase` puts your revision on top" in project.flask_fails("db", *command)
    out = project.make("rebase").out
    assert "back: " in out and "Proved: up, down and up again" in out
    assert f"_{theirs}_add_nicks.py." in out
    assert "Then: git add --all migrations && git commit" in out
    repository.commit("merged")
    repository.check("nicks", "phones")
    # On the main branch nothing is left to be done.
    repository.git("checkout", "main")
    repository.git("merge", "mine")
    repository.check("nicks", "phones")


def test_the_main_branch_takes_in_mine(repository: Repository) -> None:
    repository.branch("mine")
    repository.add_table("phones", apply=False)
    repository.git("checkout", "main")
    repository.add_table("nicks")
    repository.git("merge", "mine", check=False)
    repository.project.make("rebase")
    repository.commit("merged")
    repository.check("nicks", "phones")


def test_git_rebase_moves_several_of_mine_as_a_row(repository: Repository) -> None:
    repository.branch("mine")
    for name in ("phones", "faxes", "mails"):
        repository.add_table(name)
    repository.git("checkout", "main")
    repository.add_table("nicks", apply=False)
    repository.git("checkout", "mine")
    out = repository.git("rebase", "main", check=False)
    stops = 0
    while "CONFLICT" in out:
        out = repository.project.make("rebase").out
        assert "Then: git add --all migrations && git rebase --continue" in out
        repository.git("add", "--all", "migrations")
        out = repository.git("rebase", "--continue", check=False)
        stops += 1
    assert 1 <= stops <= 3
    repository.check("nicks", "phones", "faxes", "mails")


def test_a_pull_with_a_revision_of_ones_own_on_the_main_branch(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("clone", "--bare", ".", tmp_path / "origin.git")
    repository.git("remote", "add", "origin", tmp_path / "origin.git")
    repository.git("fetch", "origin")
    repository.branch("colleague")
    repository.add_table("nicks", apply=False)
    repository.git("push", "origin", "colleague:main")
    repository.git("checkout", "main")
    repository.git("branch", "-D", "colleague")
    repository.add_table("phones")
    repository.git("pull", "--no-rebase", "origin", "main", check=False)
    repository.project.make("rebase")
    repository.commit("merged")
    repository.check("nicks", "phones")


def test_three_branches(repository: Repository) -> None:
    for name in ("phones", "faxes", "nicks"):
        repository.branch(name)
        repository.add_table(name, apply=False)
    repository.git("checkout", "main")
    repository.git("merge", "phones")
    for name in ("faxes", "nicks"):
        repository.git("merge", name, check=False)
        repository.project.make("rebase")
        repository.commit(f"merged {name}")
    repository.check("phones", "faxes", "nicks")


def test_three_branches_that_were_joined_carelessly(repository: Repository) -> None:
    """Whoever merges takes one side of migrations/HEAD: there are three heads, and no conflict any more."""
    for name in ("phones", "faxes", "nicks"):
        repository.branch(name)
        repository.add_table(name, apply=False)
        repository.git("checkout", "main")
    repository.git("merge", "phones")
    repository.branch("all")
    for name in ("faxes", "nicks"):
        repository.git("merge", "-X", "ours", name)
    sentence = repository.project.flask_fails("db", "new", "-m", "x")
    assert "3 newest revisions" in sentence and "make rebase" in sentence and "db merge heads" in sentence
    out = repository.project.flask("db", "verify", check=False).out
    assert "✗ there is one head" in out and "✗ migrations/HEAD" in out
    repository.project.make("rebase")
    repository.commit("in a row")
    assert sorted(repository.chain()[2:]) == ["add faxes", "add nicks"]
    repository.check("phones", *(name.removeprefix("add ") for name in repository.chain()[2:]))


def test_both_are_on_the_main_branch_or_there_is_no_git(repository: Repository) -> None:
    repository.branch("mine")
    mine = repository.add_table("phones", apply=False)
    repository.git("checkout", "main")
    repository.add_table("nicks", apply=False)
    repository.git("merge", "-X", "ours", "mine")
    sentence = repository.project.flask_fails("db", "rebase")
    assert "Git does not say which of" in sentence and "--move REV" in sentence
    (repository.project.path / ".git").rename(repository.project.path / ".nogit")
    assert repository.project.flask_fails("db", "rebase") == sentence
    assert "There is no revision 123456" in repository.project.flask_fails("db", "rebase", "--move", "123456")
    repository.project.make("rebase", f"args=--move {mine[:8]}")
    (repository.project.path / ".nogit").rename(repository.project.path / ".git")
    repository.commit("in a row")
    repository.check("nicks", "phones")


def test_a_reverted_revision_leaves_no_gap(repository: Repository) -> None:
    """Both are applied; the older one is reverted, with its model. What came after it is proved once more."""
    repository.add_table("phones")
    repository.add_table("nicks")
    repository.git("revert", "--no-edit", "HEAD~1", check=False)
    assert "migrations/HEAD" in repository.git("status", "--short")
    repository.project.make("rebase")
    repository.git("add", "--all")
    repository.git("revert", "--continue")
    repository.project.make("migrate", "args=--undo-foreign")
    repository.check("nicks")
    assert repository.project.sql("SELECT name FROM sqlite_master WHERE name = 'phones'") == []


def test_a_reverted_revision_that_is_the_newest(repository: Repository) -> None:
    repository.add_table("phones")
    repository.git("revert", "--no-edit", "HEAD")
    out = repository.project.make("migrate", check=False).out
    assert "has" in out and "--undo-foreign" in out
    repository.project.make("migrate", "args=--undo-foreign")
    repository.check()


def test_a_deleted_branch_whose_revisions_are_applied(repository: Repository) -> None:
    repository.branch("mine")
    first = repository.add_table("phones")
    second = repository.add_table("faxes")
    repository.git("checkout", "main")
    repository.git("branch", "-D", "mine")
    assert second in repository.project.make("status", check=False).out
    for command in (["upgrade"], ["status"], ["sql"], ["downgrade"], ["check"]):
        out = repository.project.flask("db", *command, check=False).out
        assert out.count("Error: ") == 1 and "--undo-foreign" in out and "make db" in out
    out = repository.project.make("migrate", "args=--undo-foreign").out
    assert out.index(f"back: {second}") < out.index(f"back: {first}")
    repository.check()


def test_a_foreign_revision_goes_and_mine_comes(repository: Repository) -> None:
    repository.branch("theirs")
    repository.add_table("phones")
    repository.branch("mine")
    repository.add_table("nicks", apply=False)
    out = repository.project.make("migrate", "args=--undo-foreign").out
    assert "back: " in out and "(add nicks)" in out
    repository.check("nicks")
    # And once more the other way round: the copies of both are kept.
    repository.git("checkout", "theirs")
    repository.project.make("migrate", "args=--undo-foreign")
    repository.check("phones")


def test_a_terminal_is_asked_before_a_foreign_revision_is_taken_back(repository: Repository) -> None:
    repository.branch("theirs")
    repository.add_table("phones")
    repository.project.sql("INSERT INTO phones (id) VALUES (1), (2)")
    repository.git("checkout", "main")
    upgrade = f"{repository.project.python} -m flask db upgrade"
    for answer, taken_back in (("n", False), ("y", True)):
        typed = f"echo {answer} | script --quiet --return --command '{upgrade}' /dev/null"
        result = repository.project.run("sh", "-c", typed, check=False)
        assert "Take it back, which loses phones (2 rows), and go on? [y/N]" in result.out
        assert ("back: " in result.out) is taken_back
        assert (result.returncode == 0) is taken_back


def test_outside_development_nothing_is_taken_back(repository: Repository) -> None:
    repository.branch("theirs")
    newest = repository.add_table("phones")
    repository.git("checkout", "main")
    production = {"FLASK_DEBUG": "0", "SECRET_KEY": "of production"}
    out = repository.project.flask("db", "upgrade", "--undo-foreign", check=False, **production).out
    assert out.count("Error: ") == 1 and newest in out
    assert repository.project.revision == newest


def test_a_colleague_has_applied_what_was_moved_since(repository: Repository) -> None:
    """The files are all there and the database is at the head of them, but one below it never ran here."""
    repository.branch("mine")
    repository.add_table("phones")
    repository.git("checkout", "main")
    database = repository.project.path / "instance" / "my_app.db"
    colleagues = database.read_bytes()
    repository.add_table("nicks", apply=False)
    repository.git("checkout", "mine")
    repository.git("merge", "main", check=False)
    repository.project.make("rebase")
    repository.commit("merged")

    def put_back() -> None:
        for side in ("-wal", "-shm"):
            database.with_name(database.name + side).unlink(missing_ok=True)
        database.write_bytes(colleagues)

    put_back()
    assert "add_nicks.py was never applied here" in repository.project.make("status").out
    production = {"FLASK_DEBUG": "0", "SECRET_KEY": "of production"}
    out = repository.project.flask("db", "upgrade", **production).out
    assert "Warning" in out and "add_nicks.py was never applied here" in out
    put_back()  # without the mark of production
    sentence = repository.project.flask_fails("db", "upgrade")
    assert "in another place of the chain" in sentence
    repository.project.make("migrate", "args=--undo-foreign")
    repository.check("nicks", "phones")


def test_nothing_to_move(repository: Repository) -> None:
    before = (repository.project.path / "migrations" / "HEAD").read_bytes()
    assert "Nothing to move" in repository.project.make("rebase").out
    assert (repository.project.path / "migrations" / "HEAD").read_bytes() == before


def test_one_that_people_use_is_not_taken_back(repository: Repository) -> None:
    repository.branch("mine")
    repository.add_table("phones")
    repository.git("checkout", "main")
    repository.add_table("nicks", apply=False)
    repository.git("checkout", "mine")
    repository.git("merge", "main", check=False)
    production = {"FLASK_DEBUG": "0", "SECRET_KEY": "of production"}
    sentence = repository.project.flask_fails("db", "rebase", **production)
    assert "is about to move, and is not touched" in sentence
    assert "<<<<<<<" in (repository.project.path / "migrations" / "HEAD").read_text()


def test_what_cannot_be_taken_back_stays_and_is_reported(repository: Repository) -> None:
    repository.branch("mine")
    repository.add_table("phones", apply=False)
    path = repository.project.versions[-1]
    rewrite(path, path.read_text().replace('op.drop_table("phones")', 'raise NotImplementedError("gone")'))
    repository.project.make("migrate")
    repository.commit("final")
    repository.git("checkout", "main")
    repository.add_table("nicks", apply=False)
    repository.git("checkout", "mine")
    repository.git("merge", "main", check=False)
    out = repository.project.make("rebase").out
    assert "cannot be taken back: gone" in out and "`make db` builds it again from scratch" in out
    repository.commit("merged")
    repository.project.make("db")
    repository.project.sql("INSERT INTO tags (id, name) VALUES (7, 'precious')")
    assert "Pending   nothing" in repository.project.make("status").out
    assert repository.chain() == ["baseline", "add nicks", "add phones"]
