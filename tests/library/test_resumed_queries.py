"""MariaDB: a resumed revision reads what it has read before, and runs no code twice."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from histories import edit, list_revisions, write_revision
from sqlalchemy import create_engine

from flask_safe_migrations.backends.mysql.query_results import write_select

ROWS = "INSERT INTO item (id) VALUES (1), (2), (3)"
FIRST_THREE = [(1, "s1"), (2, "s2"), (3, "s3")]

# What reads, before 1 / 0, what it has changed itself; and the rows of the table at the end.
READING = {
    "rows without a value": (
        """
op.add_column("item", sa.Column("slug", sa.String(20)))
for key in op.get_bind().scalars(sa.text("SELECT id FROM item WHERE slug IS NULL")).all():
    op.execute(f"UPDATE item SET slug = 's{key}' WHERE id = {key}")
op.alter_column("item", "slug", existing_type=sa.String(20), nullable=False)
1 / 0
op.create_index("ix_slug", "item", ["slug"])
""",
        FIRST_THREE,
    ),
    "batches in a session": (
        """
from sqlalchemy.orm import Session
op.add_column("item", sa.Column("slug", sa.String(20)))
item = sa.table("item", sa.column("id"), sa.column("slug"))
session = Session(bind=op.get_bind())
while keys := session.scalars(sa.select(item.c.id).where(item.c.slug.is_(None)).limit(2)).all():
    slug = sa.func.concat("s", item.c.id)
    session.execute(sa.update(item).where(item.c.id.in_(keys)).values(slug=slug))
op.create_index("ix_slug", "item", ["slug"])
1 / 0
""",
        FIRST_THREE,
    ),
    "the columns": (
        """
if "slug" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("item")}:
    op.add_column("item", sa.Column("slug", sa.String(20)))
op.execute("UPDATE item SET slug = concat('s', id)")
op.create_index("ix_slug", "item", ["slug"])
1 / 0
""",
        FIRST_THREE,
    ),
    "the tables": (
        """
if not sa.inspect(op.get_bind()).has_table("other"):
    op.create_table("other", sa.Column("id", sa.Integer))
op.add_column("item", sa.Column("slug", sa.String(20)))
1 / 0
op.execute("UPDATE item SET slug = concat('s', id)")
""",
        FIRST_THREE,
    ),
    "a key of the server's": (
        """
op.add_column("item", sa.Column("slug", sa.String(20)))
op.execute("INSERT INTO item (slug) VALUES ('100% new')")
key = op.get_bind().scalar(sa.text("SELECT last_insert_id()"))
op.create_index("ix_slug", "item", ["slug"])
1 / 0
op.execute(f"UPDATE item SET slug = concat('s', id) WHERE id <> {key}")
""",
        [*FIRST_THREE, (4, "100% new")],
    ),
    "rows that it inserts": (
        """
op.add_column("item", sa.Column("slug", sa.String(20)))
item = sa.table("item", sa.column("id"), sa.column("slug"))
insert = sa.insert(item).values(slug="100% new").returning(item.c.id, item.c.slug)
row = op.get_bind().execute(insert).one()
op.create_index("ix_slug", "item", ["slug"])
1 / 0
assert row.slug == "100% new"
op.execute(f"UPDATE item SET slug = concat('s', id) WHERE id <> {row.id}")
""",
        [*FIRST_THREE, (4, "100% new")],
    ),
}
# What runs code or hides a statement, and would run twice.
CODE = {
    "a procedure": "CALL count_up()",
    "a procedure that changes a table": "CALL count_up_and_alter()",
    "dynamic SQL": "EXECUTE IMMEDIATE 'UPDATE item SET n = n + 1'",
    "dynamic SQL that changes a table": "EXECUTE IMMEDIATE 'ALTER TABLE item ADD COLUMN more INT'",
    "a block": "BEGIN NOT ATOMIC UPDATE item SET n = n + 1; END",
    "a statement with a setting": "SET STATEMENT max_statement_time = 9 FOR UPDATE item SET n = n + 1",
    "a change with a setting": "SET STATEMENT max_sort_length = 99 FOR ALTER TABLE item ADD COLUMN more INT",
}
PROCEDURES = (
    "CREATE PROCEDURE count_up() UPDATE item SET n = n + 1",
    "CREATE PROCEDURE count_up_and_alter() "
    "BEGIN UPDATE item SET n = n + 1; ALTER TABLE item ADD COLUMN more INT; END",
)


def write(project, body):
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return write_revision(project, "half", f"def upgrade():\n{lines}\ndef downgrade():\n    pass")


def resume(project, path, command="upgrade"):
    """Let the revision stop half-way, correct it, and run it again."""
    options = ["--yes"] if command == "downgrade" else []
    assert "division by zero" in project.fails(command, *options)
    edit(path, "1 / 0", "pass")
    list_revisions(project)
    assert "where it stopped" in project.flask(command, *options)


@pytest.mark.parametrize("name", READING)
def test_a_resumed_revision_reads_what_it_has_read(started, name):
    project = started("mariadb")
    project.sql(ROWS)
    body, found = READING[name]
    resume(project, write(project, body))
    assert project.sql("SELECT id, slug FROM item ORDER BY id") == found


@pytest.mark.parametrize("name", CODE)
def test_code_runs_once(started, name):
    project = started("mariadb")
    project.sql(ROWS)
    for sql in ("ALTER TABLE item ADD COLUMN n INT DEFAULT 0", *PROCEDURES):
        project.sql(sql)
    commits = "more" in CODE[name] or "alter" in CODE[name]  # or the next statement commits it
    last = "" if commits else 'op.create_index("ix_n", "item", ["n"])\n'
    resume(project, write(project, f'op.execute("{CODE[name]}")\n{last}1 / 0'))
    counts = {count for (count,) in project.sql("SELECT n FROM item")}
    assert counts == {0 if CODE[name].endswith(("INT", "INT'")) else 1}


def test_a_procedure_returns_the_same_rows(started):
    project = started("mariadb")
    project.sql(ROWS)
    project.sql("CREATE PROCEDURE remove(IN number INT) DELETE FROM item WHERE id < number RETURNING id")
    body = """
keys = op.get_bind().scalars(sa.text("CALL remove(3)")).all()
op.add_column("item", sa.Column("n", sa.Integer))
1 / 0
op.execute(f"UPDATE item SET n = {len(keys)}")
"""
    resume(project, write(project, body))
    assert project.sql("SELECT id, n FROM item") == [(3, 2)]


def test_a_downgrade_reads_what_it_has_read(started):
    project = started("mariadb")
    project.sql("INSERT INTO item (id) VALUES (1), (2)")
    path = write_revision(
        project,
        "half",
        """
def upgrade():
    op.add_column("item", sa.Column("n", sa.Integer))
def downgrade():
    for key in op.get_bind().scalars(sa.text("SELECT id FROM item WHERE id < 10")).all():
        op.execute(f"UPDATE item SET id = {key} + 10 WHERE id = {key}")
    op.drop_column("item", "n")
    1 / 0
""",
    )
    project.flask("upgrade")
    resume(project, path, "downgrade")
    assert project.sql("SELECT * FROM item") == [(11,), (12,)]


FAILING = """
op.add_column("item", sa.Column("n", sa.Integer))
for key in op.get_bind().scalars(sa.text("SELECT id FROM item WHERE n IS NULL")).all():
    op.execute(f"UPDATE item SET n = 1 WHERE id = {key}")
if op.get_bind().scalar(sa.text("SELECT count(*) FROM item WHERE n = 7")):
    op.create_index("ix_n", "item", ["n"])
op.execute("SET STATEMENT max_statement_time = 9 FOR ALTER TABLE item ADD UNIQUE INDEX ux (n)")
"""


def test_what_was_read_right_before_a_statement_that_failed_is_read_again(started):
    """Whoever corrects the rows by hand is not held to what they were."""
    project = started("mariadb")
    project.sql(ROWS)
    write(project, FAILING)
    assert "Duplicate entry" in project.fails("upgrade")
    project.sql("UPDATE item SET n = 5 + id WHERE id > 1")
    project.flask("upgrade")
    assert project.sql("SELECT n FROM item ORDER BY id") == [(1,), (7,), (8,)]
    assert {name for _, _, name, *_ in project.sql("SHOW INDEX FROM item")} == {"PRIMARY", "ix_n", "ux"}


def test_a_revision_whose_first_change_fails_is_not_half_applied(started):
    project = started("mariadb")
    write(project, 'op.get_bind().scalar(sa.text("SELECT 1"))\nop.execute("ALTER TABLE item ADD id INT")')
    assert "Duplicate column" in project.fails("upgrade")
    assert "half applied" not in project.flask("status")


def test_only_the_queries_of_the_revision_are_recorded(started):
    """And not those that look for rows in the way of an operation."""
    project = started("mariadb")
    body = """
op.add_column("item", sa.Column("n", sa.Integer))
op.execute("UPDATE item SET n = 1")
op.alter_column("item", "n", existing_type=sa.Integer(), nullable=False)
op.get_bind().execute(sa.text("SELECT n AS '100%' FROM item"))
op.execute("ALTER TABLE item COMMENT 'x'")
1 / 0
"""
    path = write(project, body)
    project.fails("upgrade")
    assert len(project.sql("SELECT * FROM migration_journal WHERE position < 0")) == 1
    edit(path, "1 / 0", "pass")
    list_revisions(project)
    project.flask("upgrade")


TEXTS = ["", 'it\'s 100% \\ "quoted" %s :b ?', "Grüße 🙂\n\t\0end ", "a" * 5000]
VALUES = [
    *TEXTS,
    0,
    -(2**63),
    2**63 - 1,
    0.1,
    -1e300,
    Decimal("-12345678901234567890.123400"),
    datetime(2001, 2, 3, 4, 5, 6, 7),
    date(2001, 2, 3),
    timedelta(hours=-30, microseconds=5),
    timedelta(seconds=5),
    b"\x00\xff'%",
    b"",
]


@pytest.mark.parametrize("driver", ["pymysql", "mysqldb"])
def test_rows_are_returned_again(server_url, driver):
    """In each order: the type of a column is that of all of its values."""
    pytest.importorskip({"mysqldb": "MySQLdb"}.get(driver, driver))
    url = server_url(f"mariadb+{driver}").rpartition("/")[0]
    engine = create_engine(f"{url}/mysql?charset=utf8mb4")
    with engine.connect() as connection:
        cursor = connection.connection.dbapi_connection.cursor()
        names = ["a", "a", "count(*)", "it`s %"]
        for value in VALUES:
            for rows in ([(value, None, 1, "x")], [(None, value, 22, "xyz"), (value, None, 333, "")]):
                for mapped in (rows, rows[::-1]):
                    select = write_select(names, mapped, longest=10**6, is_mariadb=True)
                    cursor.execute(select)
                    assert [column[0] for column in cursor.description] == names
                    found = cursor.fetchall()
                    assert list(found) == mapped
                    assert [type(each) for each in found[0]] == [type(each) for each in mapped[0]]
        cursor.execute(write_select(names, [], longest=10**6, is_mariadb=True))
        assert [column[0] for column in cursor.description] == names
        assert list(cursor.fetchall()) == []
        assert write_select(names, [("a" * 99, 1, 2, 3)], longest=90, is_mariadb=True) is None
        assert write_select(["a "], [(1,)], longest=90, is_mariadb=True) is None
        assert write_select(["a"], [({1},)], longest=90, is_mariadb=True) is None
        assert write_select(["a"], [(2**63,)], longest=90, is_mariadb=True) is None
    engine.dispose()
