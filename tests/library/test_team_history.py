"""Twenty-two revisions as a team writes them by hand, taken through every verb on each engine.

Sessions and models inside revisions, raw SQL, bulk inserts, views, triggers, enum types, partitions, renames,
data that moves between columns, and code that differs by dialect.
"""

import re
from typing import Any

import pytest
from histories import ENGINES, list_revisions, stored_revision, write_revision

HEADER = '''"""{message}"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session, declarative_base

revision = "t{number:02}"
down_revision = {down!r}


'''
# Each is a message and the body. What a file of this team says is not what `flask db new` would write.
REVISIONS: list[tuple[str, str]] = [
    (
        "customers",
        """
def upgrade():
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("email", sa.String(120)),
    )


def downgrade():
    op.drop_table("customer")
""",
    ),
    (
        "first customers, with a session and a model of the revision's own",
        """
Base = declarative_base()


class Customer(Base):
    __tablename__ = "customer"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(80))
    email = sa.Column(sa.String(120))


def upgrade():
    session = Session(bind=op.get_bind())
    session.add_all([Customer(name="Ada Lovelace", email="ADA@example.org"), Customer(name="Bob")])
    session.commit()


def downgrade():
    session = Session(bind=op.get_bind())
    session.query(Customer).filter(Customer.name.in_(["Ada Lovelace", "Bob"])).delete()
    session.commit()
""",
    ),
    (
        "orders",
        """
def upgrade():
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("total", sa.Numeric(10, 2), server_default="0", nullable=False),
        sa.Column("state", sa.String(20), nullable=False, server_default="new"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_orders_customer"),
    )
    op.create_index("ix_orders_state", "orders", ["state"])


def downgrade():
    op.drop_index("ix_orders_state", table_name="orders")
    op.drop_table("orders")
""",
    ),
    (
        "an order for everybody",
        """
def upgrade():
    connection = op.get_bind()
    orders = sa.table("orders", sa.column("customer_id"), sa.column("total"), sa.column("state"))
    ids = [row[0] for row in connection.execute(sa.text("SELECT id FROM customer ORDER BY id"))]
    if ids:
        op.bulk_insert(orders, [{"customer_id": id, "total": 10 * id, "state": "new"} for id in ids])


def downgrade():
    op.execute("DELETE FROM orders WHERE state = 'new'")
""",
    ),
    (
        "lower case addresses",
        """
def upgrade():
    op.execute("UPDATE customer SET email = lower(email) WHERE email LIKE '%@%'")


def downgrade():
    pass
""",
    ),
    (
        "first and last name",
        """
def upgrade():
    with op.batch_alter_table("customer") as batch:
        batch.add_column(sa.Column("first_name", sa.String(80)))
        batch.add_column(sa.Column("last_name", sa.String(80)))
    connection = op.get_bind()
    for id, name in connection.execute(sa.text("SELECT id, name FROM customer")).fetchall():
        first, _, last = name.partition(" ")
        connection.execute(
            sa.text("UPDATE customer SET first_name = :first, last_name = :last WHERE id = :id"),
            {"first": first, "last": last, "id": id},
        )
    with op.batch_alter_table("customer") as batch:
        batch.alter_column("first_name", existing_type=sa.String(80), nullable=False)
        batch.drop_column("name")


def downgrade():
    with op.batch_alter_table("customer") as batch:
        batch.add_column(sa.Column("name", sa.String(80), nullable=False, server_default=""))
    op.execute(
        sa.text("UPDATE customer SET name = concat(first_name, ' ', coalesce(last_name, ''))")
        if op.get_bind().dialect.name != "sqlite"
        else sa.text("UPDATE customer SET name = first_name || ' ' || coalesce(last_name, '')")
    )
    with op.batch_alter_table("customer") as batch:
        batch.alter_column("name", existing_type=sa.String(80), server_default=None)
        batch.drop_column("last_name")
        batch.drop_column("first_name")
""",
    ),
    (
        "a view for the accountants",
        """
VIEW = "CREATE VIEW turnover AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id"


def upgrade():
    op.execute(VIEW)


def downgrade():
    op.execute("DROP VIEW turnover")
""",
    ),
    (
        "addresses are unique; of two, the first keeps it",
        """
def upgrade():
    op.execute(
        "UPDATE customer SET email = NULL WHERE id NOT IN "
        "(SELECT first FROM (SELECT min(id) AS first FROM customer GROUP BY email) AS firsts)"
    )
    with op.batch_alter_table("customer") as batch:
        batch.create_unique_constraint("uq_customer_email", ["email"])


def downgrade():
    with op.batch_alter_table("customer") as batch:
        batch.drop_constraint("uq_customer_email", type_="unique")
""",
    ),
    (
        "state as an enum",
        """
STATES = sa.Enum("new", "paid", "sent", name="order_state")


def upgrade():
    op.execute("UPDATE orders SET state = 'new' WHERE state NOT IN ('new', 'paid', 'sent')")
    op.execute("DROP VIEW turnover")
    if op.get_bind().dialect.name == "postgresql":
        STATES.create(op.get_bind())
        op.execute("ALTER TABLE orders ALTER state DROP DEFAULT")
        op.execute("ALTER TABLE orders ALTER state TYPE order_state USING state::order_state")
        op.execute("ALTER TABLE orders ALTER state SET DEFAULT 'new'")
    else:
        with op.batch_alter_table("orders") as batch:
            batch.alter_column("state", existing_type=sa.String(20), type_=STATES, existing_nullable=False,
                               existing_server_default="new")
    op.execute(
        "CREATE VIEW turnover AS "
        "SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id"
    )


def downgrade():
    op.execute("DROP VIEW turnover")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE orders ALTER state DROP DEFAULT")
        op.execute("ALTER TABLE orders ALTER state TYPE VARCHAR(20)")
        op.execute("ALTER TABLE orders ALTER state SET DEFAULT 'new'")
        STATES.drop(op.get_bind())
    else:
        with op.batch_alter_table("orders") as batch:
            batch.alter_column("state", existing_type=STATES, type_=sa.String(20), existing_nullable=False,
                               existing_server_default="new")
    op.execute(
        "CREATE VIEW turnover AS "
        "SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id"
    )
""",
    ),
    (
        "orders can be returned",
        """
OLD, NEW = ("new", "paid", "sent"), ("new", "paid", "sent", "returned")


def upgrade():
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.execute("ALTER TYPE order_state ADD VALUE IF NOT EXISTS 'returned'")
    else:
        with op.batch_alter_table("orders") as batch:
            batch.alter_column("state", existing_type=sa.Enum(*OLD, name="order_state"),
                               type_=sa.Enum(*NEW, name="order_state"), existing_nullable=False,
                               existing_server_default="new")


def downgrade():
    raise NotImplementedError("PostgreSQL cannot remove a value from a type")
""",
    ),
    (
        "a log that a trigger writes",
        """
def upgrade():
    op.create_table("log", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("what", sa.String(100)))
    name = op.get_bind().dialect.name
    if name == "postgresql":
        op.execute(
            "CREATE FUNCTION log_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO log (what) VALUES ('order ' || NEW.id); RETURN NEW; END $$"
        )
        op.execute(
            "CREATE TRIGGER log_order AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION log_order()"
        )
    elif name == "sqlite":
        op.execute(
            "CREATE TRIGGER log_order AFTER INSERT ON orders BEGIN "
            "INSERT INTO log (what) VALUES ('order ' || NEW.id); END"
        )
    else:
        op.execute(
            "CREATE TRIGGER log_order AFTER INSERT ON orders FOR EACH ROW "
            "INSERT INTO log (what) VALUES (concat('order ', NEW.id))"
        )


def downgrade():
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER log_order ON orders")
        op.execute("DROP FUNCTION log_order()")
    else:
        op.execute("DROP TRIGGER log_order")
    op.drop_table("log")
""",
    ),
    (
        "a manager for each customer",
        """
def upgrade():
    with op.batch_alter_table("customer") as batch:
        batch.add_column(sa.Column("manager_id", sa.Integer()))
        batch.create_foreign_key(
            "fk_customer_manager", "customer", ["manager_id"], ["id"], ondelete="SET NULL"
        )


def downgrade():
    with op.batch_alter_table("customer") as batch:
        batch.drop_constraint("fk_customer_manager", type_="foreignkey")
        batch.drop_column("manager_id")
""",
    ),
    (
        "only if it is not there yet",
        """
def upgrade():
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("customer")}
    if "phone" not in columns:
        op.add_column("customer", sa.Column("phone", sa.String(30)))


def downgrade():
    op.drop_column("customer", "phone")
""",
    ),
    (
        "an index beside the traffic",
        """
def upgrade():
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.create_index("ix_customer_phone", "customer", ["phone"], postgresql_concurrently=True)
    else:
        op.create_index("ix_customer_phone", "customer", ["phone"])


def downgrade():
    op.drop_index("ix_customer_phone", table_name="customer")
""",
    ),
    (
        "rename orders",
        """
def upgrade():
    op.execute("DROP VIEW turnover")
    op.rename_table("orders", "purchase")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE purchase RENAME CONSTRAINT pk_orders TO pk_purchase")
    op.execute(
        "CREATE VIEW turnover AS "
        "SELECT customer_id, sum(total) AS total FROM purchase GROUP BY customer_id"
    )


def downgrade():
    op.execute("DROP VIEW turnover")
    op.rename_table("purchase", "orders")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE orders RENAME CONSTRAINT pk_purchase TO pk_orders")
    op.execute(
        "CREATE VIEW turnover AS "
        "SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id"
    )
""",
    ),
    (
        "rename a column, without a batch",
        """
def upgrade():
    op.execute("DROP VIEW turnover")
    op.alter_column("purchase", "total", new_column_name="amount", existing_type=sa.Numeric(10, 2),
                    existing_nullable=False, existing_server_default="0")
    op.execute(
        "CREATE VIEW turnover AS "
        "SELECT customer_id, sum(amount) AS total FROM purchase GROUP BY customer_id"
    )


def downgrade():
    op.execute("DROP VIEW turnover")
    op.alter_column("purchase", "amount", new_column_name="total", existing_type=sa.Numeric(10, 2),
                    existing_nullable=False, existing_server_default="0")
    op.execute(
        "CREATE VIEW turnover AS "
        "SELECT customer_id, sum(total) AS total FROM purchase GROUP BY customer_id"
    )
""",
    ),
    (
        "amounts are not negative",
        """
def upgrade():
    op.execute("UPDATE purchase SET amount = 0 WHERE amount < 0")
    with op.batch_alter_table("purchase") as batch:
        batch.create_check_constraint(op.f("ck_purchase_amount"), "amount >= 0")


def downgrade():
    with op.batch_alter_table("purchase") as batch:
        batch.drop_constraint(op.f("ck_purchase_amount"), type_="check")
""",
    ),
    (
        "events by year",
        """
def upgrade():
    name = op.get_bind().dialect.name
    if name == "postgresql":
        op.execute("CREATE TABLE event (at DATE NOT NULL, what TEXT) PARTITION BY RANGE (at)")
        for year in (2025, 2026):
            op.execute(
                f"CREATE TABLE event_{year} PARTITION OF event "
                f"FOR VALUES FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
            )
    elif name == "sqlite":
        op.execute("CREATE TABLE event (at DATE NOT NULL, what TEXT)")
    else:
        op.execute(
            "CREATE TABLE event (at DATE NOT NULL, what TEXT) PARTITION BY RANGE (year(at)) "
            "(PARTITION p2025 VALUES LESS THAN (2026), PARTITION rest VALUES LESS THAN MAXVALUE)"
        )
    op.execute("INSERT INTO event (at, what) VALUES ('2026-03-01', 'founded: 100% ours')")


def downgrade():
    op.drop_table("event")
""",
    ),
    (
        "longer names",
        """
def upgrade():
    with op.batch_alter_table("customer") as batch:
        batch.alter_column(
            "first_name", existing_type=sa.String(80), type_=sa.String(100), existing_nullable=False
        )
        batch.alter_column("last_name", existing_type=sa.String(80), type_=sa.String(100))


def downgrade():
    with op.batch_alter_table("customer") as batch:
        batch.alter_column("last_name", existing_type=sa.String(100), type_=sa.String(80))
        batch.alter_column(
            "first_name", existing_type=sa.String(100), type_=sa.String(80), existing_nullable=False
        )
""",
    ),
    (
        "settings as a table",
        """
def upgrade():
    settings = op.create_table(
        "setting", sa.Column("key", sa.String(50), primary_key=True), sa.Column("value", sa.JSON())
    )
    op.bulk_insert(settings, [
        {"key": "currency", "value": {"name": "EUR", "rate": 1.5}},
        {"key": "a:b", "value": ["50%", "it's"]},
    ])


def downgrade():
    op.drop_table("setting")
""",
    ),
    (
        "several changes in one batch",
        """
def upgrade():
    with op.batch_alter_table("purchase") as batch:
        batch.add_column(sa.Column("note", sa.Text()))
        batch.add_column(sa.Column("paid", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.create_index("ix_purchase_customer_id", ["customer_id"])


def downgrade():
    with op.batch_alter_table("purchase") as batch:
        batch.drop_column("paid")
        batch.drop_column("note")
    # MariaDB keeps an index for each foreign key.
    mariadb = op.get_bind().dialect.name in ("mysql", "mariadb")
    if mariadb:
        op.drop_constraint("fk_orders_customer", "purchase", type_="foreignkey")
    op.drop_index("ix_purchase_customer_id", table_name="purchase")
    if mariadb:
        op.create_foreign_key("fk_orders_customer", "purchase", "customer", ["customer_id"], ["id"])
""",
    ),
    (
        "paid by state",
        """
def upgrade():
    connection = op.get_bind()
    purchase = sa.Table("purchase", sa.MetaData(), autoload_with=connection)
    connection.execute(purchase.update().where(purchase.c.state == "paid").values(paid=True))


def downgrade():
    pass
""",
    ),
]
MODELS = """
import sqlalchemy as sa


class Customer(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    first_name = db.Column(db.String(100), nullable=False)
    last_name = db.Column(db.String(100))
    email = db.Column(db.String(120))
    manager_id = db.Column(
        db.ForeignKey("customer.id", name="fk_customer_manager", ondelete="SET NULL")
    )
    phone = db.Column(db.String(30), index=True)
    __table_args__ = (db.UniqueConstraint("email", name="uq_customer_email"),)


class Purchase(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    customer_id = db.Column(
        db.ForeignKey("customer.id", name="fk_orders_customer"), nullable=False, index=True
    )
    amount = db.Column(db.Numeric(10, 2), nullable=False, server_default="0")
    state = db.Column(
        db.Enum("new", "paid", "sent", "returned", name="order_state"), nullable=False, server_default="new"
    )
    note = db.Column(db.Text)
    paid = db.Column(db.Boolean, nullable=False, server_default=sa.false())
    __table_args__ = (
        db.Index("ix_orders_state", "state"),
        db.CheckConstraint("amount >= 0", name=sa.schema.conv("ck_purchase_amount")),
    )


class Log(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    what = db.Column(db.String(100))


class Setting(db.Model):
    key = db.Column(db.String(50), primary_key=True)
    value = db.Column(db.JSON)


class Event(db.Model):
    __table__ = db.Table("event", db.Column("at", db.Date, nullable=False), db.Column("what", db.Text))
    __mapper_args__ = {"primary_key": [__table__.c.at, __table__.c.what]}
"""
HEAD = f"t{len(REVISIONS):02}"


@pytest.fixture(params=ENGINES)
def team(request: pytest.FixtureRequest, project_on: Any) -> Any:
    """The project with the whole history, and no database yet."""
    project = project_on(request.param)
    project.models = MODELS
    for number, (message, body) in enumerate(REVISIONS, 1):
        down = f"t{number - 1:02}" if number > 1 else None
        path = project.migrations / "versions" / f"t{number:02}.py"
        header = HEADER.format(message=message, number=number, down=down)
        path.write_text(header + body.lstrip())
    list_revisions(project)
    return project


def rows(project: Any) -> dict[str, Any]:
    names = project.sql("SELECT first_name, last_name, email FROM customer ORDER BY id")
    totals = [(number, float(total)) for number, total in project.sql("SELECT * FROM turnover ORDER BY 1")]
    return {
        "customers": [tuple(row) for row in names],
        "turnover": totals,
        "log": project.sql("SELECT count(*) FROM log"),
        "settings": project.sql("SELECT count(*) FROM setting"),
    }


EXPECTED = {
    "customers": [("Ada", "Lovelace", "ada@example.org"), ("Bob", "", None)],
    "turnover": [(1, 10.0), (2, 20.0)],
    "log": [(0,)],
    "settings": [(2,)],
}


def test_from_an_empty_database_to_the_head(team: Any) -> None:
    team.flask("upgrade")
    assert rows(team) == EXPECTED
    assert "Nothing to do" in team.flask("upgrade")
    assert "Nothing to migrate" in team.flask("new", "-m", "nothing")
    team.sql("INSERT INTO purchase (customer_id, amount) VALUES (1, 5)")
    assert team.sql("SELECT count(*) FROM log") == [(1,)]


def test_one_revision_after_the_other_and_back(team: Any) -> None:
    for _ in REVISIONS:
        team.flask("upgrade", "+1")
    assert rows(team) == EXPECTED
    team.flask("downgrade", "--yes", "t10")
    assert "NotImplementedError" not in team.fails("downgrade", "--yes")
    assert stored_revision(team) == "t10"
    team.flask("upgrade")
    assert rows(team) == EXPECTED


def test_verify(team: Any) -> None:
    lines = team.run("verify").output.splitlines()
    print(*lines, sep="\n")
    assert "✓ every revision runs up, down and up again, with rows" in lines
    assert "✓ the models match the revisions" in lines
    assert "✓ every constraint has a name" in lines


def test_a_squash_keeps_the_schema_and_the_rows(team: Any) -> None:
    """An old database goes on, and a new one gets what the revisions have inserted."""
    team.flask("upgrade")
    if team.url.startswith("postgresql"):  # a baseline cannot hold partitions
        assert "table event_2026" in team.fails("squash", "--yes")
        team.flask("squash", "--yes", "--upto", "t17")
    else:
        team.flask("squash", "--yes")
    assert len(team.versions) < 10
    assert "Nothing to do" in team.flask("upgrade")
    assert rows(team) == EXPECTED
    team.flask("rebuild")
    assert rows(team)["settings"] == EXPECTED["settings"]
    assert "Nothing to migrate" in team.flask("new", "-m", "nothing")


def test_a_snapshot_and_a_rebuild(team: Any) -> None:
    team.flask("upgrade")
    team.sql("UPDATE customer SET last_name = 'Byron' WHERE id = 1")
    team.flask("backup")
    team.flask("rebuild")
    assert rows(team) == EXPECTED
    team.flask("restore", "--yes")
    assert team.sql("SELECT last_name FROM customer WHERE id = 1") == [("Byron",)]
    team.sql("INSERT INTO purchase (customer_id, amount) VALUES (1, 5)")
    assert team.sql("SELECT count(*) FROM log") == [(1,)]


def test_a_database_that_lost_its_revision_is_adopted(team: Any) -> None:
    team.flask("upgrade")
    for table in ("alembic_version", "migration_applied"):
        team.sql(f"DROP TABLE {table}")
    assert "flask db adopt" in team.fails("upgrade")
    team.flask("adopt", "--yes")
    assert stored_revision(team) == HEAD
    assert "Nothing to do" in team.flask("upgrade")


def test_the_next_change_of_the_models(team: Any) -> None:
    team.flask("upgrade")
    team.models = team.models.replace("note = db.Column(db.Text)", "remark = db.Column(db.Text)")
    output = team.flask("new", "-m", "remarks", "--rename", "purchase.note:remark")
    assert "renames column purchase.note to remark" in output and "Proved" in output
    team.flask("upgrade")
    assert rows(team) == EXPECTED
    team.flask("downgrade", "--yes")
    assert stored_revision(team) == HEAD


def test_what_reads_the_database_cannot_be_printed(team: Any) -> None:
    team.flask("upgrade", "t12")
    assert re.search(r"t13\.py, line \d+: .+ without a connection", team.fails("sql"))
    team.flask("upgrade", "t13")
    assert re.search(r"t14\.py|t22\.py", team.fails("sql"))


ORDERS = """
def upgrade():
    op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))


def downgrade():
    op.drop_table("orders")
"""
ROWS = """
def upgrade():
    op.execute("INSERT INTO orders (n) VALUES (1), (2)")


def downgrade():
    op.execute("DELETE FROM orders")
"""
RENAMED = """
def upgrade():
    op.rename_table("orders", "purchase")


def downgrade():
    op.rename_table("purchase", "orders")
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("has_model", [True, False], ids=["with model", "without model"])
def test_a_renamed_table_with_rows_is_squashed(project_on: Any, engine: str, has_model: bool) -> None:
    """On PostgreSQL its sequence keeps the old name, and has a value."""
    project = project_on(engine)
    project.models = (
        "class Purchase(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
        "    n = db.Column(db.Integer)\n"
        if has_model
        else ""
    )
    for name, body in (("orders", ORDERS), ("rows", ROWS), ("renamed", RENAMED)):
        write_revision(project, name, body)
    project.flask("squash", "--yes")
    project.flask("upgrade")
    project.sql("INSERT INTO purchase (n) VALUES (3)")
    assert project.sql("SELECT id, n FROM purchase ORDER BY id") == [(1, 1), (2, 2), (3, 3)]
