"""Every command as a function: what it returns, and that it prints nothing by itself."""

import pytest

from flask_safe_migrations import MigrationError, api
from flask_safe_migrations.output import Reporter, suggest


class Collect(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str = "") -> None:
        self.lines.append(text)


def test_from_the_first_revision_to_the_way_back(project, capsys):
    with project.create_app().app_context():
        (before,) = api.status()
        assert (before.exists, before.heads, before.pending) == (False, (), ())
        made = api.new_revision("first tables")
        assert made.path.is_file() and made.proofs[0].engine == "SQLite"
        assert any("adds table" in line or "creates table" in line for line in made.proofs[0].description)
        (pending,) = api.status()
        assert [step.revision for step in pending.pending] == [made.revision]
        assert "CREATE TABLE" in api.pending_sql()
        (applied,) = api.upgrade()
        assert applied.heads == (made.revision,) and applied.pending == () and applied.exists
        assert api.new_revision("nothing") is None
        (snapshot,) = api.backup()
        assert snapshot.is_file()
        report = api.verify()
        assert [check.name for check in report.checks if check.ok is False] == []
        (back,) = api.downgrade()
        assert back.heads == ()
        assert api.restore(snapshot) == [snapshot]
        assert api.status()[0].heads == (made.revision,)
    out = capsys.readouterr()
    assert out.out == "" and out.err == ""


def test_progress_goes_to_the_reporter(project):
    collect = Collect()
    with project.create_app().app_context(), api.report_to(collect):
        made = api.new_revision("first tables")
        api.upgrade()
    assert any(line.startswith("Proved: ") for line in collect.lines)
    assert any(f"→ {made.revision}" in line for line in collect.lines)


def test_a_refusal_is_an_exception_with_a_sentence(project):
    with project.create_app().app_context():
        with pytest.raises(MigrationError, match="Say in a few words what changes"):
            api.new_revision("  ")
        with pytest.raises(MigrationError, match="does not exist, so there is nothing to save"):
            api.backup()
        with pytest.raises(MigrationError, match="--bind takes one of default"):
            api.status(bind="nosuch")


@pytest.mark.parametrize(
    ("canonical", "shown"),
    [
        ("run `flask db upgrade` first", "run `make migrate` first"),
        ('`flask db new -m "…"` makes one', '`make newmigration m="…"` makes one'),
        ("`flask db new --prove`", "`make newmigration args=--prove`"),
        ('`flask db new -m "…" --default a.b=VALUE`', '`make newmigration m="…" args="--default a.b=VALUE"`'),
        ("`flask db adopt --at 12ab`", '`make adopt args="--at 12ab"`'),
        ("`flask db restore FILE`", "`make restore file=FILE`"),
        ("`flask db squash --upto REV`", "`make squash upto=REV`"),
        ("`flask db history`", "`flask db history`"),
    ],
)
def test_messages_suggest_the_projects_own_commands(canonical, shown):
    assert suggest(canonical, "make") == shown
    assert suggest(canonical, {}) == canonical
    assert "just migrate" in suggest("`flask db upgrade`", {"upgrade": "just migrate"})
