"""Several databases with one chain of revisions: any names, any mix of engines; each says where it stands."""

import json

import catalogue
import pytest
from project import Bake, BakedProject, rewrite
from servers import Server

MODELS = """
from sqlalchemy import Enum, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from ..database import db


class Event(db.Model):
    __bind_key__ = "audit"
    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Enum("in", "out", name="kind"))


# An association table of Flask-SQLAlchemy 2, and one of today.
event_notes = db.Table(
    "event_notes",
    db.Column("event_id", ForeignKey("events.id"), primary_key=True),
    db.Column("note", String(40), primary_key=True),
    info={"bind_key": "audit"},
)
reports = db.Table(
    "reports",
    db.Column("id", db.Integer, primary_key=True),
    db.Column("title", String(40), unique=True),
    bind_key="old-reports",
)
"""
PHONE = "    phone: Mapped[str | None] = mapped_column(String(30))\n    created_at:"


def other(project: BakedProject, bind: str) -> BakedProject:
    """The same project, for looking into the database of a bind."""
    url = json.loads(project.env["SQLALCHEMY_BINDS"])[bind]
    url = url.replace("sqlite:///", f"sqlite:///{project.path}/") if url.startswith("sqlite") else url
    return BakedProject(project.path, env={"DATABASE_URL": url})


def standing(project: BakedProject) -> dict[str, str]:
    out = project.make("status").out
    return {
        block.splitlines()[0].split()[1]: next(
            line.split(maxsplit=1)[1] for line in block.splitlines() if line.startswith("Revision")
        )
        for block in out.strip().split("\n\n")
    }


@pytest.fixture
def three(bake: Bake, postgresql: Server, mariadb: Server, request: pytest.FixtureRequest) -> BakedProject:
    """A project with the default database on SQLite and one on each server, before the models use them."""
    project = bake()
    binds = {
        "audit": postgresql.url(f"audit_{abs(hash(request.node.name)) % 10_000}_dev"),
        "old-reports": mariadb.url(f"reports_{abs(hash(request.node.name)) % 10_000}_dev"),
    }
    project.env["SQLALCHEMY_BINDS"] = json.dumps(binds)
    return project


def use(project: BakedProject) -> str:
    """Models on each of the databases, in one revision; return its id."""
    rewrite(project.models / "audit.py", MODELS)
    project.edit(project.models / "users.py", "    created_at:", PHONE)
    return project.revise("three databases").name.split("_")[2]


def test_E2_E5_a_mix_of_engines_in_one_chain(three: BakedProject) -> None:
    project = three
    project.make("db")
    new = use(project)
    text = project.versions[-1].read_text()
    for function in ("upgrade", "upgrade_audit", "upgrade_old_reports"):
        assert f"def {function}() -> None:" in text
        assert f"def {function.replace('up', 'down')}() -> None:" in text
    assert text.count('op.drop_table("event_notes")') == 1
    assert "batch_alter_table" in text.partition("def upgrade_audit")[0]

    sql = project.make("sql").out
    assert sql.index("-- Database default:") < sql.index("-- Database audit:") < sql.index("CREATE TYPE kind")
    out = project.make("migrate").out
    assert out.count(f"3f1d9a62c0b7 (baseline) → {new} (three databases)") == 3
    assert set(standing(project).values()) == {f"{new} (three databases)"}
    assert "✗" not in project.make("checkmigrations").out
    assert "No new upgrade operations detected" in project.flask("db", "check").out
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "x").out

    # The application writes to each of them, by the same keys.
    code = (
        "from my_app import create_app\nfrom my_app.database import db\nfrom my_app.models import audit\n"
        "with create_app().app_context():\n"
        "    db.session.add(audit.Event(kind='in')); db.session.commit()\n"
        "    db.session.execute(audit.event_notes.insert().values(event_id=1, note='n'))\n"
        "    db.session.execute(audit.reports.insert().values(title='t')); db.session.commit()\n"
    )
    project.run(project.python, "-c", code, FLASK_DEBUG="1")
    assert other(project, "audit").sql("SELECT kind, note FROM events JOIN event_notes ON id = event_id") == [
        ("in", "n")
    ]
    assert other(project, "old-reports").sql("SELECT title FROM reports") == [("t",)]
    tables = {name for (name,) in project.sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert not tables & {"events", "event_notes", "reports"}

    project.make("test")
    assert other(project, "old-reports").sql("SELECT title FROM reports") == [("t",)]
    assert project.make("backup").out.count("Snapshot: ") == 3
    project.make("rollback")
    assert set(standing(project).values()) == {"3f1d9a62c0b7 (baseline)"}
    project.make("restore", "args=--yes")
    assert set(standing(project).values()) == {f"{new} (three databases)"}
    assert other(project, "old-reports").sql("SELECT title FROM reports") == [("t",)]
    project.make("db")
    assert other(project, "old-reports").sql("SELECT title FROM reports") == []


def test_bind_names_one_of_them(three: BakedProject) -> None:
    project = three
    project.make("db")
    new = use(project)
    project.flask("db", "upgrade", "--bind", "audit")
    assert standing(project) == {
        "default": "3f1d9a62c0b7 (baseline)",
        "audit": f"{new} (three databases)",
        "old-reports": "3f1d9a62c0b7 (baseline)",
    }
    project.alembic("-x", "bind=default", "upgrade", "head")
    project.flask("db", "downgrade", "--bind", "audit")
    assert standing(project)["default"] == f"{new} (three databases)"
    assert standing(project)["audit"] == "3f1d9a62c0b7 (baseline)"
    assert "Bind      old-reports" in project.flask("db", "status", "--bind", "old-reports").out
    sentence = project.flask_fails("db", "upgrade", "--bind", "nope", code=2)
    assert "There is no database nope: --bind takes one of default, audit, old-reports." in sentence


def test_one_that_fails_says_where_each_stands_and_the_next_run_goes_on(three: BakedProject) -> None:
    project = three
    project.make("db")
    new = use(project)
    audit = other(project, "audit")
    audit.sql("CREATE TABLE events (wrong INTEGER)")
    result = project.flask("db", "upgrade", check=False)
    assert result.returncode == 1 and "Traceback" not in result.out
    assert f"  default: at {new} (three databases) (done)" in result.out
    assert "  audit: at 3f1d9a62c0b7 (baseline) (failed)" in result.out
    assert "  old-reports: at 3f1d9a62c0b7 (baseline) (not reached)" in result.out
    assert standing(project) == {
        "default": f"{new} (three databases)",
        "audit": "3f1d9a62c0b7 (baseline)",
        "old-reports": "3f1d9a62c0b7 (baseline)",
    }
    audit.sql("DROP TABLE events")
    project.make("migrate")
    assert set(standing(project).values()) == {f"{new} (three databases)"}


def test_H71_a_bind_comes_is_renamed_loses_its_models_and_goes(bake: Bake) -> None:
    """From one database to several and back: no old revision is touched."""
    project = bake()
    project.make("db")
    old = {path: path.read_bytes() for path in project.versions}
    project.env["SQLALCHEMY_BINDS"] = '{"log": "sqlite:///instance/log.db"}'
    lines = project.models / "lines.py"
    rewrite(
        lines,
        "from ..database import db\n\n\nclass Line(db.Model):\n"
        '    __bind_key__ = "log"\n    __tablename__ = "lines"\n\n'
        "    id = db.Column(db.Integer, primary_key=True)\n",
    )
    project.revise("a log")
    project.make("migrate")
    project.make("checkmigrations")
    log = other(project, "log")
    log.sql("INSERT INTO lines (id) VALUES (1)")

    # Renamed, with a setting that says so.
    project.env["SQLALCHEMY_BINDS"] = '{"journal": "sqlite:///instance/log.db"}'
    project.edit(lines, '"log"', '"journal"')
    (project.path / "settings.py").write_text('FORMER_BINDS = {"journal": "log"}\n')
    project.env["SETTINGS"] = "settings.py"
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "x").out
    project.edit(lines, "primary_key=True)", "primary_key=True)\n    text = db.Column(db.String(20))")
    project.revise("texts")
    project.make("migrate")
    project.make("checkmigrations")
    assert log.sql("SELECT id, text FROM lines") == [(1, None)]
    project.make("rollback")
    project.make("migrate")

    # Without models it is left alone: its tables are not dropped.
    lines.unlink()
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "x").out
    # And gone.
    del project.env["SQLALCHEMY_BINDS"]
    project.make("checkmigrations")
    project.make("db")
    assert "Bind" not in project.make("status").out
    assert log.sql("SELECT id FROM lines") == [(1,)]
    assert {path: path.read_bytes() for path in old} == old


def test_two_names_for_one_database_are_refused(project: BakedProject) -> None:
    for url in ("sqlite:///instance/my_app.db", f"sqlite:///{project.path}/instance/../instance/my_app.db"):
        project.env["SQLALCHEMY_BINDS"] = json.dumps({"twin": url})
        sentence = project.flask_fails("db", "upgrade")
        assert "The databases default and twin are one and the same" in sentence
    project.env["SQLALCHEMY_BINDS"] = '{"a-b": "sqlite:///instance/1.db", "a.b": "sqlite:///instance/2.db"}'
    assert "both have upgrade_a_b(): rename one" in project.flask_fails("db", "upgrade")


@pytest.mark.parametrize("binds", ["nonsense", "[1]", '{"a": 1}', '{"a": {}}', '{"a": "nonsense"}', '"x"'])
def test_binds_that_are_none_are_one_sentence(project: BakedProject, binds: str) -> None:
    out = project.flask("db", "status", check=False, SQLALCHEMY_BINDS=binds).out
    assert "Traceback" not in out and "SQLALCHEMY_BINDS" in out and out.count("Error") == 1


def test_answers_reach_the_database_that_they_are_about(three: BakedProject) -> None:
    project = three
    use(project)
    project.make("db")
    other(project, "audit").sql("INSERT INTO events (kind) VALUES ('in')")
    project.edit(project.models / "audit.py", "    kind: ", "    direction: ")
    sentence = project.make("newmigration", "m=direction", check=False).out
    assert "--rename events.kind:direction" in sentence
    text = project.revise("direction", "--rename events.kind:direction").read_text()
    assert "def upgrade_audit" in text and "pass" in text.partition("def upgrade_audit")[0]
    project.make("migrate")
    assert other(project, "audit").sql("SELECT direction FROM events") == [("in",)]


def test_rows_of_another_database_are_changed_in_batches(three: BakedProject) -> None:
    project = three
    use(project)
    project.make("db")
    reports = other(project, "old-reports")
    reports.sql("INSERT INTO reports (title) VALUES ('a'), ('b')")
    project.make("newmigration", "m=titles", "data=reports.title")
    (path,) = (path for path in project.versions if path.name.endswith("_titles.py"))
    text = path.read_text()
    assert "def upgrade_old_reports" in text and "def upgrade() -> None:\n    pass" in text
    text = text.replace("TABLE.c.title.is_(None)", "sa.func.length(TABLE.c.title) < 3")
    rewrite(path, text.replace("...}", 'sa.func.concat(TABLE.c.title, "-long")}'))
    assert "Proved" in project.flask("db", "new", "--prove").out
    project.make("migrate")
    assert reports.sql("SELECT title FROM reports ORDER BY title") == [("a-long",), ("b-long",)]


def test_U3_models_on_more_than_one_declarative_base(anywhere: BakedProject) -> None:
    """Two bases of plain SQLAlchemy beside db.Model, with MetaData of their own, in one database."""
    project = anywhere
    for name in ("legacy", "plugin"):
        rewrite(
            project.models / f"{name}.py",
            "from sqlalchemy import MetaData, String\n"
            "from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column\n\n"
            "from ..database import NAMING_CONVENTION, more_metadata\n\n\n"
            "class Base(DeclarativeBase):\n    metadata = MetaData(naming_convention=NAMING_CONVENTION)\n\n\n"
            "more_metadata.append(Base.metadata)\n\n\n"
            f"class Thing(Base):\n    __tablename__ = '{name}_things'\n\n"
            "    id: Mapped[int] = mapped_column(primary_key=True)\n"
            "    name: Mapped[str] = mapped_column(String(20), unique=True)\n",
        )
    project.revise("two more bases")
    project.make("db")
    project.make("checkmigrations")
    for name in ("legacy", "plugin"):
        project.sql(f"INSERT INTO {name}_things (id, name) VALUES (1, 'x')")
    project.edit(project.models / "legacy.py", "String(20)", "String(50)")
    project.revise("longer")
    project.make("migrate")
    assert project.sql("SELECT name FROM legacy_things") == [("x",)]
    assert "No new upgrade operations detected" in project.flask("db", "check").out
    project.make("test")


def test_a_squash_folds_what_the_revisions_do_to_each_database(three: BakedProject) -> None:
    use(three)
    body = """
def upgrade():
    pass


def downgrade():
    pass


def upgrade_audit():
    op.execute("CREATE FUNCTION now_in() RETURNS text LANGUAGE sql AS 'SELECT ''in'''")
    op.execute("INSERT INTO events (kind) VALUES ('in')")


def downgrade_audit():
    op.execute("DROP FUNCTION now_in()")


def upgrade_gone():
    pass
"""
    three.write_revision("extra", body)
    three.make("db")
    everywhere = three, other(three, "audit"), other(three, "old-reports")
    wanted = [catalogue.schema(project) for project in everywhere]
    out = three.flask("db", "squash", check=False).out
    assert "upgrade_gone() belongs to no configured database" in out
    assert "leave --bind out" in three.flask_fails("db", "squash", "--bind", "audit", code=2)
    three.flask("db", "squash", "--yes")
    (baseline,) = three.versions
    assert "def upgrade_old_reports()" in baseline.read_text()
    assert "Nothing to do" in three.make("migrate").out
    three.make("db")
    assert [catalogue.schema(project) for project in everywhere] == wanted
    assert everywhere[1].sql("SELECT kind::text, now_in() FROM events") == [("in", "in")]
    assert "✗" not in three.make("checkmigrations").out
