"""F01: a revision that tries to reach the application's database while it runs on a shadow database.

One revision tries all ways, one after the other, so that one proof is enough.
"""

import json
import sys

import pytest
from histories import ENGINES, ITEM, write_revision
from sqlalchemy import make_url

MODELS = """
class Item(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(80))


def write_with(engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE item SET name = 'changed'")


def write_in_session():
    db.session.query(Item).update({"name": "changed"})
    db.session.commit()


def write_in_context(app):
    with app.app_context():
        write_in_session()
"""
# What the revisions use, in a module of its own: a function need not be in the file of the revision.
TOOLS = """
import asyncio
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import {shop} as shop
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

{imports}
URL = {url!r}
REFUSALS = Path(__file__).with_name("refusals.json")


@contextmanager
def attempt(way):
    refusals = json.loads(REFUSALS.read_text()) if REFUSALS.exists() else {{}}
    try:
        yield
        refusals[way] = "was not refused"
    except Exception as error:
        refusals[way] = str(error)
    REFUSALS.write_text(json.dumps(refusals))


def write(*_):
    raw = {connect}
    raw.cursor().execute("UPDATE item SET name = 'changed'")
    raw.commit()


def connect_to(name):
    raw = {other}
    raw.close()


def in_thread(function, *arguments):
    with ThreadPoolExecutor() as threads:
        threads.submit(function, *arguments).result()


def in_timer():
    errors = []

    def attempt():
        try:
            write()
        except Exception as error:
            errors.append(error)

    timer = threading.Timer(0, attempt)
    timer.start()
    timer.join()
    raise errors[0]


def in_fork():
    child = os.fork()
    if not child:
        try:
            write()
        finally:
            os._exit(7)
    raise RuntimeError(f"the child ends with {{os.waitpid(child, 0)[1]}}")


def in_listener():
    sa.event.listen(sa.Engine, "before_cursor_execute", write)
    try:
        sa.create_engine("sqlite://").connect().exec_driver_sql("SELECT 1")
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", write)


def in_coroutine():
    async def attempt():
        async with create_async_engine(sa.make_url(URL)).begin() as connection:
            await connection.exec_driver_sql("UPDATE item SET name = 'changed'")
    asyncio.run(attempt())
"""
OWN = "opens a connection of its own"
# The last line of an upgrade(), and what the refusal contains.
WAYS = {
    "db.engine": ("shop.write_with(shop.db.engine)", OWN),
    "db.engines": ("shop.write_with(shop.db.engines[None])", OWN),
    "create_engine": ("shop.write_with(sa.create_engine(tools.URL))", OWN),
    "the driver": ("tools.write()", OWN),
    "a thread with an engine": ("tools.in_thread(shop.write_with, sa.create_engine(tools.URL))", OWN),
    "a thread with the driver": ("tools.in_thread(tools.write)", OWN),
    "a thread with a session": (
        "tools.in_thread(shop.write_in_context, current_app._get_current_object())",
        "db.session is used in another thread",
    ),
    "a thread with an application": ("tools.in_thread(lambda: create_again())", "used in another thread"),
    "a timer": ("tools.in_timer()", OWN),
    "a fork": ("tools.in_fork()", "the child ends with 1792"),
    "a program": ("subprocess.run([sys.executable, '-c', 'pass'])", "starts python"),
    "a shell": ("os.system('true')", "starts true"),
    "a listener": ("tools.in_listener()", OWN),
}
REVISION = """
import os
import subprocess
import sys

import escape_tools as tools
import {shop} as shop
from flask import current_app


def create_again():
    shop.write_in_context(shop.create_app())


def upgrade():
    pass
{lines}

def downgrade():
    pass
"""
DRIVERS = {
    "sqlite": ["sqlite3.connect({database!r}, check_same_thread=False)"],
    "postgresql": [
        "psycopg.connect(host={host!r}, port={port}, user={username!r}, password={password!r}, "
        "dbname={database!r})",
        "psycopg2.connect('host={host} port={port} user={username} password={password} dbname={database}')",
    ],
    "mariadb": [
        "pymysql.connect(host={host!r}, port={port}, user={username!r}, password={password!r}, "
        "database={database!r})",
        "MySQLdb.connect({host!r}, {username!r}, {password!r}, {database!r}, {port})",
    ],
}


@pytest.fixture
def shop(project_on):
    """`shop("mariadb")` gives a project with one row in its database."""

    def shop(engine: str):
        project = project_on(engine)
        project.models = MODELS
        write_revision(project, "start", ITEM)
        project.flask("upgrade")
        project.sql("INSERT INTO item (id, name) VALUES (1, 'as it was')")
        write_tools(project, engine, 0)
        return project

    return shop


def write_tools(project, engine: str, driver: int) -> None:
    url = make_url(project.url)
    parts = {name: getattr(url, name) for name in ("host", "port", "username", "password", "database")}
    connect = DRIVERS[engine][driver].format(**parts)
    other = DRIVERS[engine][driver].replace("{database!r}", "name").format(**parts)
    text = TOOLS.format(
        shop=project.name,
        imports=f"import {connect.partition('.')[0]}",
        url=project.url,
        connect=connect,
        other=other,
    )
    (project.path / "escape_tools.py").write_text(text)


def attempt(project, ways, *command: str) -> dict[str, str]:
    """Try these lines in a revision; return how each was refused."""
    lines = "".join(f"    with tools.attempt({way!r}):\n        {line}\n" for way, line in ways.items())
    path = write_revision(project, "escape", REVISION.format(shop=project.name, lines=lines))
    (project.path / "refusals.json").unlink(missing_ok=True)
    sys.modules.pop("escape_tools", None)  # it has imported the application of the command before
    project.flask(*command)
    assert project.sql("SELECT name FROM item") == [("as it was",)]
    path.unlink()
    refusals = json.loads((project.path / "refusals.json").read_text())
    assert refusals.keys() == ways.keys()
    return refusals


@pytest.mark.parametrize("engine", ENGINES)
def test_F01_no_way_out_of_a_proof(shop, engine):
    project = shop(engine)
    refusals = attempt(project, {way: line for way, (line, _) in WAYS.items()}, "new", "--prove")
    assert {way: refusal for way, (_, refusal) in WAYS.items() if refusal not in refusals[way]} == {}, (
        refusals
    )
    assert all(text.startswith("0001_escape.py") for way, text in refusals.items() if way != "a fork")


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F01_the_other_driver_is_no_way_out(shop, engine):
    project = shop(engine)
    write_tools(project, engine, 1)
    lines = ["tools.write()", "tools.in_thread(tools.write)"]
    lines += ["tools.in_coroutine()"] if engine == "postgresql" else []
    refusals = attempt(project, {line: line for line in lines}, "new", "--prove")
    assert all(OWN in text for text in refusals.values()), refusals


@pytest.mark.parametrize("engine", ENGINES)
def test_F01_an_upgrade_opens_no_second_connection_either(shop, engine):
    """It would be outside of the transaction and the lock. Programs and SQL are not refused there."""
    project = shop(engine)
    lines = ["tools.write()", "tools.in_thread(tools.write)", "tools.in_timer()"]
    refusals = attempt(project, {line: line for line in [*lines, *ALLOWED[engine]]}, "upgrade")
    assert all(OWN in refusals[line] for line in lines), refusals
    assert {refusals[line] for line in ALLOWED[engine]} == {"was not refused"}, refusals


SQL = {
    "sqlite": [
        "ATTACH '{name}' AS other",
        'attach database "{name}" as other',
        "/* the log */ ATTACH 'file:{name}?mode=rw' AS other",
        "ATTACH 'instance/shop_dev.db' AS other",
    ],
    "postgresql": [
        "SELECT dblink_connect('dbname={name} user=owner')",
        "SELECT dblink_exec('postgresql://owner@localhost/{name}', 'DELETE FROM item')",
        "CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname '{name}')",
        "COPY item FROM PROGRAM 'psql {name}'",
        "CREATE SUBSCRIPTION one CONNECTION 'dbname={name}' PUBLICATION all_tables",
    ],
    "mariadb": [
        "UPDATE {name}.item SET name = 'changed'",
        "UPDATE `{name}` . `item` SET name = 'changed'",
        "DELETE {name}.item FROM {name}.item",
        "/*! UPDATE {name}.item SET name = 'changed' */",
        "UPDATE item, {name}.item AS it SET it.name = 'changed'",
        "USE {name}",
        "CREATE TRIGGER t AFTER INSERT ON item FOR EACH ROW DELETE FROM {name}.item",
        "DROP DATABASE {name}",
        "RENAME TABLE {name}.item TO item2",
    ],
}


ALLOWED = {
    "sqlite": ["os.system('true')"],
    "postgresql": ["os.system('true')"],
    "mariadb": ["os.system('true')", "op.execute(f'SELECT * FROM {shop.db.engine.url.database}.item')"],
}


@pytest.mark.parametrize("engine", ENGINES)
def test_F01_no_way_out_of_a_proof_in_sql(shop, engine):
    project = shop(engine)
    name = make_url(project.url).database
    ways = {each: each.format(name=name) for each in SQL[engine]}
    lines = {each: f"op.execute({sql!r})" for each, sql in ways.items()}
    if engine == "sqlite":
        query = f"sa.text('ATTACH :path AS other'), {{'path': {name!r}}}"
        lines["a parameter"] = f"op.get_bind().execute({query})"
    refusals = attempt(project, lines, "new", "--prove")
    assert all(f"this statement names {name}" in text for text in refusals.values()), refusals


OTHER = {
    "sqlite": [
        "op.execute(\"ATTACH 'other.db' AS other\")",
        "op.execute(\"ATTACH ':memory:' AS another\")",
        "tools.connect_to('other.db')",
        "op.execute(\"INSERT INTO item (name) VALUES ('ATTACH {name} AS other')\")",
    ],
    "postgresql": [
        "op.execute(\"UPDATE item SET name = 'of {name}'\")",
        "tools.connect_to('postgres')",
        'op.execute("CREATE FOREIGN DATA WRAPPER one; CREATE SERVER two FOREIGN DATA WRAPPER one '
        "OPTIONS (dbname '{name}_old'); DROP FOREIGN DATA WRAPPER one CASCADE\")",
    ],
    "mariadb": [
        "op.execute(\"UPDATE item SET name = 'in {name}.item' /* of {name}.item */\")",
        "op.execute('SELECT {name}.id FROM item AS {name}')",
        "op.execute('SELECT 1, {name}.id FROM item, item AS {name}')",
        "op.execute('SELECT * FROM {name}_old.item')",
        "tools.connect_to('information_schema')",
    ],
}
HARMLESS = [
    "__import__('uuid').getnode()",
    "__import__('platform').processor()",
    "os.system('true')  # safe: it changes nothing",
    "# safe: it changes nothing\n        subprocess.run(['true'])",
]


@pytest.mark.parametrize("engine", ENGINES)
def test_F01_what_goes_elsewhere_is_not_refused(shop, engine):
    project = shop(engine)
    name = make_url(project.url).database
    lines = [line.format(name=name) for line in OTHER[engine]] + HARMLESS
    refusals = attempt(project, {line: line for line in lines}, "new", "--prove")
    assert {line: text for line, text in refusals.items() if "application's" in text} == {}
