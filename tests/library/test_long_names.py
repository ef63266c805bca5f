"""Renames: names longer than the engine allows, and names that differ in case only."""

import pytest
from hand_written import DRIVERS, model
from sqlalchemy import create_engine, inspect

LONG = "customer_order_position_of_the_warehouse"
COLUMN = "delivery_address_identifier"
NEW = "delivery_postal_address_identifier"
LIMITS = {"sqlite": 10_000, "postgresql": 63, "mariadb": 64}


@pytest.fixture(params=DRIVERS)
def anywhere(request, new_project, server_url):
    """A project on each engine."""
    driver = DRIVERS[request.param]
    project = new_project(driver and server_url(driver))
    project.engine = request.param
    return project


def names(project, table):
    """Return the names of the indexes, unique constraints and foreign keys of a table."""
    engine = create_engine(project.url)
    inspector = inspect(engine)
    read = (inspector.get_indexes, inspector.get_unique_constraints, inspector.get_foreign_keys)
    found = {each["name"] for get in read for each in get(table)}
    engine.dispose()
    return found


ADDRESS = model("", "address").replace("class Model", "class Address")
RENAMED = {
    "index": ("db.Integer, index=True", ""),
    "unique": ("db.Integer, unique=True", ""),
    "foreign key": (
        'db.ForeignKey("address.id")',
        f"\n\n{ADDRESS}",
    ),
}


@pytest.mark.parametrize("kind", RENAMED)
def test_F25_a_column_whose_conventional_name_is_too_long(anywhere, kind):
    project = anywhere
    arguments, more = RENAMED[kind]
    project.models = model(f"{COLUMN} = db.Column({arguments})", LONG) + more
    project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    before = names(project, LONG)
    project.models = project.models.replace(COLUMN, NEW)
    out = project.flask("new", "-m", "rename", "--rename", f"{LONG}.{COLUMN}:{NEW}")
    assert "Proved: up, down and up again" in out
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    after = names(project, LONG)
    assert len(after) == len(before) and after != before
    assert all(len(name) <= LIMITS[project.engine] for name in after)
    project.flask("downgrade", "--yes")
    assert names(project, LONG) == before


def test_F25_a_table_whose_conventional_names_are_too_long(anywhere):
    project = anywhere
    columns = f"{COLUMN} = db.Column(db.Integer, index=True)\ncode = db.Column(db.Integer, unique=True)"
    project.models = model(columns, "positions")
    project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    project.models = model(columns, LONG)
    project.flask("new", "-m", "rename", "--rename-table", f"positions:{LONG}")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    assert all(len(name) <= LIMITS[project.engine] for name in names(project, LONG))


@pytest.mark.parametrize("anywhere", ["sqlite", "postgresql"], indirect=True)  # MariaDB reports no order
def test_F25_an_index_with_an_order_whose_conventional_name_is_too_long(anywhere):
    """Its definition is compared by name, as Alembic does not compare it."""
    project = anywhere
    columns = f"{NEW} = db.Column(db.Integer)\n__table_args__ = (db.Index(NAME, db.desc('{NEW}')),)"
    metadata = f"from sqlalchemy.sql.elements import conv\nNAME = conv('ix_{LONG}_{NEW}')\n"
    project.models = metadata + model(columns, LONG)
    project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    project.models = project.models.replace(f"db.desc('{NEW}')", f"db.desc('{NEW}'), 'id'")
    assert "Proved: up, down and up again" in project.flask("new", "-m", "changed")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")


def test_F27_a_table_is_renamed_in_case_only(anywhere):
    project = anywhere
    columns = "email = db.Column(db.String(20), index=True)"
    project.models = model(columns)
    project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    quote = "`" if project.engine == "mariadb" else '"'
    project.sql("INSERT INTO users (email) VALUES ('ada@example.com')")
    project.models = model(columns, "Users")
    assert "Proved" in project.flask("new", "-m", "case", "--rename-table", "users:Users")
    project.flask("upgrade")
    assert project.sql(f"SELECT email FROM {quote}Users{quote}") == [("ada@example.com",)]
    assert "ix_Users_email" in names(project, "Users")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    project.flask("downgrade", "--yes")
    assert "ix_users_email" in names(project, "users")


def test_F27_the_parent_of_a_foreign_key_is_renamed_in_case_only(project):
    child = (
        '\n\nclass Child(db.Model):\n    id = db.Column(db.ForeignKey("{}.id"), primary_key=True)\n'
        "    n = db.Column(db.Integer)\n"
    )
    project.models = model("") + child.format("users")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    project.models = model("", "USERS") + child.format("USERS")
    project.flask("new", "-m", "case", "--rename-table", "users:USERS")
    project.flask("upgrade")
    assert project.sql("SELECT \"table\" FROM pragma_foreign_key_list('child')") == [("USERS",)]
    assert project.sql("SELECT name FROM sqlite_master WHERE name LIKE 'users'") == [("USERS",)]


def test_F27_a_column_is_renamed_in_case_only(anywhere):
    project = anywhere
    project.models = model("email = db.Column(db.String(20), index=True)")
    project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    project.models = project.models.replace("email", "Email")
    assert "Proved" in project.flask("new", "-m", "case", "--rename", "users.email:Email")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
