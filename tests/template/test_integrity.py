"""A revision that was changed after it was applied is noticed: in migrations/HEAD, and by the database."""

from project import Bake, BakedProject, rewrite

APPLIED = "SELECT revision, content, applied_by, seconds FROM migration_applied ORDER BY applied_at"


def change(project: BakedProject, old: str, new: str) -> None:
    rewrite(project.versions[-1], project.versions[-1].read_text().replace(old, new))


def head(project: BakedProject) -> list[list[str]]:
    lines = (project.path / "migrations" / "HEAD").read_text().splitlines()
    return [line.split(maxsplit=2) for line in lines if not line.startswith("#")]


def test_H67_an_applied_revision_that_was_changed_is_reported(anywhere: BakedProject) -> None:
    project = anywhere
    project.add_column()
    new = project.revise("phone")
    project.make("migrate")
    rows = project.sql(APPLIED)
    assert {row[:2] for row in rows} == {tuple(line[:2]) for line in head(project)}
    assert all("@" in who and seconds >= 0 for _, _, who, seconds in rows)
    assert "Changed" not in project.make("status").out

    # What does nothing is no change, nor is another place in the chain.
    change(project, "def upgrade", "# safe: nobody has a phone yet\ndef  upgrade")
    assert "Changed" not in project.make("status").out
    assert "Warning" not in project.make("migrate").out

    change(project, "length=30", "length=40")
    assert f"Changed   {new.name} was changed after it was applied here" in project.make("status").out
    assert f"Warning: {new.name} was changed after it was applied here" in project.make("migrate").out
    out = project.flask("db", "verify", check=False).out
    assert f"migrations/HEAD: {new.name} has changed since it was proved" in out

    for setting in ("0", "no"):
        project.make("migrate", MIGRATION_REFUSE_CHANGED=setting)
    sentence = project.flask_fails("db", "upgrade", MIGRATION_REFUSE_CHANGED="1")
    assert "MIGRATION_REFUSE_CHANGED is set: put the history back" in sentence

    # Taken back and applied again, it is what it is now.
    project.make("rollback")
    assert len(project.sql(APPLIED)) == 1
    project.make("migrate")
    assert "Changed" not in project.make("status").out


def test_every_verb_that_writes_a_revision_lists_it(project: BakedProject) -> None:
    project.make("db")
    project.add_column()
    project.flask("db", "migrate", "-m", "by Flask-Migrate")
    project.flask("db", "revision", "-m", "empty")
    project.make("newmigration", "m=rows", "data=1")
    found = {path.name.split("_")[2] for path in project.versions}
    assert {line[0] for line in head(project)} == found
    assert head(project)[-1][2] == "rows" and len(found) == 4


def test_the_next_revision_does_not_vouch_for_one_that_was_edited(project: BakedProject) -> None:
    project.make("db")
    project.add_column()
    edited = project.revise("phone")
    change(project, "length=30", "length=40")
    project.make("newmigration", "m=rows", "data=1")
    problem = f"migrations/HEAD: {edited.name} has changed since it was proved"
    assert problem in project.flask("db", "verify", check=False).out


def test_what_alembic_alone_has_made_is_listed_by_the_next_proof(project: BakedProject) -> None:
    project.make("db")
    project.alembic("revision", "-m", "by hand")
    out = project.flask("db", "verify", check=False).out
    assert "by_hand.py is not listed; `make newmigration args=--prove` updates it" in out
    project.flask("db", "new", "--prove")
    assert "✓ migrations/HEAD" in project.flask("db", "verify").out


def test_the_template_lists_its_baseline(bake: Bake) -> None:
    for examples in (True, False):
        project = bake(example_models=examples)
        before = (project.path / "migrations" / "HEAD").read_text()
        project.flask("db", "new", "--prove")
        assert (project.path / "migrations" / "HEAD").read_text() == before
