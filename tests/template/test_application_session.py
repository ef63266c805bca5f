"""A revision that uses the application's own session works on the database that it runs on, or is refused."""

import json

import pytest
from project import BakedProject, rewrite

IMPORTS = "from my_app.database import db\nfrom my_app.models.users import Tag, User\n\n\n"
NICK = "nick: Mapped[str | None] = mapped_column(String(100))"

BY_THE_APPLICATION = """
def upgrade():
    if not op.get_context().as_sql:
        # safe: there are few users
        db.session.execute(sa.text("UPDATE users SET name = 'changed'"))
        db.session.commit()
    with op.batch_alter_table("users") as batch:
        batch.add_column(sa.Column("nick", sa.String(100)))
    if op.get_context().as_sql:
        return
    for user in User.query:
        user.nick = "nick of " + user.name
    db.session.add(Tag(name="made by the revision"))
    db.session.commit()


def downgrade():
    Tag.query.filter_by(name="made by the revision").delete()
    db.session.commit()
    with op.batch_alter_table("users") as batch:
        batch.drop_column("nick")
"""


def rows(project: BakedProject) -> set[tuple]:
    return {*project.sql("SELECT name FROM users"), *project.sql("SELECT name FROM tags")}


def line(body: str, text: str) -> int:
    """The line of this text in a revision with this body, see BakedProject.write_revision."""
    before, found, _ = body.partition(text)
    assert found
    return 9 + before.count("\n")


def ready(project: BakedProject, body: str, down: str = "pass") -> str:
    """Write a revision with this upgrade(); return what a refusal begins with, for the line marked HERE."""
    text = f"{IMPORTS}def upgrade():\n{body}\n\n\ndef downgrade():\n    {down}\n"
    path = project.write_revision("by_the_app", text)
    project.list_revisions()
    return f"{path.name}:{line(text, '  # HERE')}: " if "# HERE" in body else path.name


def test_F01_what_the_session_does_is_done_to_the_database_of_the_revision(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    before = rows(project)
    assert ("Ada",) in before
    project.add_column(NICK)
    project.write_revision("by_the_app", IMPORTS + BY_THE_APPLICATION)
    assert "Proved" in project.flask("db", "new", "--prove").out
    assert rows(project) == before
    assert "✗" not in project.make("checkmigrations").out
    assert rows(project) == before
    project.run(project.python, "-m", "pytest", "-q", "tests")
    assert rows(project) == before
    assert project.revision == "3f1d9a62c0b7"

    project.make("migrate")
    assert rows(project) >= {("changed",), ("made by the revision",)}
    assert project.sql("SELECT DISTINCT nick FROM users") == [("nick of changed",)]
    project.make("rollback")
    assert ("made by the revision",) not in rows(project)


def test_F01_it_is_part_of_the_migrations_transaction(anywhere: BakedProject) -> None:
    """A commit of the session commits nothing by itself; on MariaDB the journal knows its statements."""
    project = anywhere
    project.make("db")
    before = rows(project)
    ready(
        project,
        '    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))\n'
        "    db.session.execute(sa.text(\"INSERT INTO tags (name) VALUES ('first')\"))\n"
        "    tag, more = Tag(name='tag'), Tag(name='more')\n"
        "    db.session.add_all([tag, more])\n"
        "    db.session.commit()\n"
        "    assert (tag.name, more.name) == ('tag', 'more')\n"
        '    op.create_table("other", sa.Column("id", sa.Integer, primary_key=True))\n'
        '    db.session.add(Tag(name="second"))\n'
        "    db.session.commit()\n"
        "    1 / 0\n",
    )
    sentence = project.make("migrate", check=False).out
    assert "ZeroDivisionError in line" in sentence and "Traceback" not in sentence
    if "mariadb" in project.url:  # the second create_table() has committed what was before it
        assert rows(project) == before | {("first",), ("tag",), ("more",)}
    else:
        assert rows(project) == before
        with pytest.raises(Exception, match="other"):
            project.sql("SELECT * FROM other")
    project.edit(project.versions[-1], "1 / 0", "pass")
    project.make("migrate")
    assert rows(project) == before | {("first",), ("tag",), ("more",), ("second",)}
    assert project.sql("SELECT count(*) FROM other") == [(0,)]


def test_F01_a_connection_of_its_own_is_refused(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    before = rows(project)
    write = "connection.execute(sa.text(\"UPDATE users SET name = 'changed'\"))"
    own = "from my_app import create_app\n    url = create_app().config['SQLALCHEMY_DATABASE_URI']\n"
    for body in (
        f"    with db.engine.begin() as connection:  # HERE\n        {write}",
        f"    with db.engines[None].connect() as connection:  # HERE\n        {write}",
        "    db.engine.raw_connection()  # HERE",
        "    db.create_all()  # HERE",
        f"    {own}    with sa.create_engine(url).begin() as connection:  # HERE\n        {write}",
    ):
        place = ready(project, body)
        for command in (("new", "--prove"), ("upgrade",)):
            out = project.flask("db", *command, check=False).out
            assert place in out and "use op.get_bind()" in out and "Traceback" not in out, out
        assert rows(project) == before and project.revision == "3f1d9a62c0b7"
        project.versions[-1].unlink()


def test_F01_another_session_or_application_is_no_way_round(anywhere: BakedProject) -> None:
    """Sessions on the application's engine, and those of an application that the revision makes itself."""
    project = anywhere
    project.make("db")
    before = rows(project)
    ready(
        project,
        "    from sqlalchemy.orm import Session, sessionmaker\n"
        "    from my_app import create_app\n"
        "    with sessionmaker(db.engine)() as session, session.begin():\n"
        '        session.add(Tag(name="of a session"))\n'
        "    with create_app().app_context():\n"
        '        db.session.add(Tag(name="of an application"))\n'
        "        db.session.commit()\n"
        "    with Session(bind=op.get_bind()) as session:\n"
        '        session.add(Tag(name="as it is recommended"))\n'
        "        session.commit()",
        "raise NotImplementedError('rows stay')",
    )
    assert "Proved" in project.flask("db", "new", "--prove").out
    assert rows(project) == before
    project.make("migrate")
    assert rows(project) == before | {("of a session",), ("of an application",), ("as it is recommended",)}


def test_F01_a_rollback_undoes_what_the_session_did_and_nothing_else(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    before = rows(project)
    column = 'op.add_column("users", sa.Column("nick", sa.String(100)))\n'
    ready(  # it has only read: the column stays, whatever becomes of the session
        project,
        f"    assert db.session.scalar(sa.text('SELECT count(*) FROM users')) >= 0\n    {column}"
        "    db.session.rollback()\n"
        "    db.session.add(Tag(name='taken back'))\n    db.session.flush()\n    db.session.rollback()\n"
        "    assert not Tag.query.filter_by(name='taken back').count()\n"
        "    op.execute(\"UPDATE users SET nick = 'n'\")\n",
        'op.drop_column("users", "nick")',
    )
    project.make("migrate")
    assert project.sql("SELECT DISTINCT nick FROM users") == [("n",)] and rows(project) == before
    project.make("rollback")
    project.versions[-1].unlink()

    place = ready(
        project,
        "    db.session.add(Tag(name='taken back'))\n    db.session.flush()\n"
        f"    {column}    db.session.rollback()  # HERE",
    )
    sentence = project.make("migrate", check=False).out
    assert place in sentence and "call db.session.commit() before" in sentence
    assert "Traceback" not in sentence and project.revision == "3f1d9a62c0b7"


def test_F01_what_was_not_committed_is_refused(project: BakedProject) -> None:
    project.make("db")
    for body in (
        "    db.session.add(Tag(name='lost'))",
        "    db.session.add(Tag(name='lost'))\n    db.session.flush()",
        "    User.query.first().name = 'lost'",
        "    db.session.execute(sa.text(\"UPDATE users SET name = 'lost'\"))",
    ):
        name = ready(project, body)
        result = project.flask("db", "upgrade", check=False)
        sentence = result.out.strip().splitlines()[-1]  # after the snapshot that an UPDATE takes
        assert result.returncode and "Traceback" not in result.out
        assert sentence.startswith(f"Error: {name}: db.session holds changes that were not committed")
        assert "end with db.session.commit()" in sentence
        project.versions[-1].unlink()


def test_F01_another_bind_is_refused(project: BakedProject) -> None:
    project.env["SQLALCHEMY_BINDS"] = json.dumps({"audit": "sqlite:///instance/audit.db"})
    event = 'class Event(db.Model):\n    __bind_key__ = "audit"\n    __tablename__ = "events"\n\n'
    column = "    id: Mapped[int] = mapped_column(primary_key=True)\n"
    imports = "from sqlalchemy.orm import Mapped, mapped_column\n\nfrom ..database import db\n\n\n"
    rewrite(project.models / "audit.py", imports + event + column)
    project.revise("events")
    project.make("migrate")
    before = rows(project)
    place = ready(
        project,
        "    from my_app.models.audit import Event\n    db.session.add(Event(id=1))\n"
        "    db.session.commit()  # HERE",
    )
    sentence = project.flask("db", "upgrade", check=False).out
    assert f"{place}db.session asks for the database audit, and the revision runs on default" in sentence
    project.versions[-1].unlink()

    place = ready(
        project,
        "    pass\n\n\ndef upgrade_audit():\n    Tag.query.delete()  # HERE",
        "pass\n\n\ndef downgrade_audit():\n    pass",
    )
    for command in (("new", "--prove"), ("upgrade", "-x", "bind=audit")):
        sentence = project.flask("db", *command, check=False).out
        assert f"{place}db.session asks for the database default" in sentence, sentence
    assert rows(project) == before
    project.versions[-1].unlink()

    # A model of the bind itself is what it is for.
    add = (
        "    from my_app.models.audit import Event\n    db.session.add(Event(id=1))\n    db.session.commit()"
    )
    ready(project, f"    pass\n\n\ndef upgrade_audit():\n{add}\n\n\ndef downgrade_audit():\n    pass")
    project.make("migrate")
    audit = BakedProject(project.path, env={"DATABASE_URL": f"sqlite:///{project.path}/instance/audit.db"})
    assert audit.sql("SELECT id FROM events") == [(1,)]


def test_F01_printed_as_SQL_it_is_refused(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    before = rows(project)
    write = "sa.text(\"UPDATE users SET name = 'changed'\")"
    for body in (
        f"    db.session.execute({write})  # HERE\n    db.session.commit()",
        f"    with db.engine.begin() as connection:  # HERE\n        connection.execute({write})",
    ):
        place = ready(project, body)
        for command in (("sql",), ("upgrade", "--sql")):
            out = project.flask("db", *command, check=False)
            assert out.returncode == 1 and place in out.out and "Traceback" not in out.out, out.out
        assert rows(project) == before
        project.versions[-1].unlink()


def test_F01_inside_an_autocommit_block_it_is_refused(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    before = rows(project)
    place = ready(
        project,
        "    with op.get_context().autocommit_block():\n        db.session.add(Tag(name='inside'))\n"
        "        db.session.commit()  # HERE",
    )
    out = project.flask("db", "upgrade", check=False).out
    if "sqlite" in project.url:  # there it is inside the transaction like all else
        assert rows(project) == before | {("inside",)}
    else:
        assert f"{place}inside autocommit_block()" in out and rows(project) == before


@pytest.mark.parametrize("begun", [False, True])
def test_F01_the_callers_session_is_as_it_was(anywhere: BakedProject, begun: bool) -> None:
    """A test that migrates on a connection of its own, while its session holds what is not yet written."""
    project = anywhere
    project.make("db")
    body = "    db.session.add(Tag(name='by the revision'))\n    db.session.commit()"
    ready(project, body, "Tag.query.filter_by(name='by the revision').delete(); db.session.commit()")
    url = project.url.replace("/shop", "/given_shop")
    (project.path / "handed_in.py").write_text(HANDED_IN.format(begun=begun, url=url))
    project.run(project.python, "handed_in.py", FLASK_DEBUG="1")
    assert ("of the caller",) in rows(project) and ("by the revision",) not in rows(project)


HANDED_IN = """
import sqlalchemy as sa
from alembic import command
from flask import current_app
from flask_safe_migrations import backends as engines
from my_app import create_app
from my_app.database import db
from my_app.models.users import Tag
from sqlalchemy import orm

BEFORE = sa.Engine.raw_connection, orm.SessionTransaction._connection_for_bind

with create_app().app_context():
    session = db.session()
    db.session.add(Tag(name="of the caller"))
    with engines.configured().shadow() as shadow, shadow.connect() as connection:
        config = current_app.extensions["migrate"].migrate.get_config()
        config.attributes["connection"] = connection
        if {begun}:
            connection.begin()
        command.upgrade(config, "head")
        names = [*connection.scalars(sa.text("SELECT name FROM tags"))]
        assert names == ["by the revision"], names
        connection.commit()
        command.downgrade(config, "-1")
        assert not [*connection.scalars(sa.text("SELECT name FROM tags"))]
    assert db.session() is session
    assert (session.join_transaction_mode, session.twophase) == ("conditional_savepoint", False)
    db.session.commit()
assert BEFORE == (sa.Engine.raw_connection, orm.SessionTransaction._connection_for_bind)
"""
