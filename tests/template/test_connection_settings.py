"""What the application's connection has, the migration's has as well: search_path, init_command."""

import pytest
from project import Bake, BakedProject
from servers import Server

SCHEMAS = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema LIKE {!r}"
TABLES = {"users", "tags", "user_tags", "alembic_version", "migration_applied"}


def tables_in(project: BakedProject, url: str, schema: str) -> set[str]:
    """Ask past the settings: the names of the tables in a schema."""
    project.env["DATABASE_URL"], before = url, project.env["DATABASE_URL"]
    try:
        return {name for _, name in project.sql(SCHEMAS.format(schema))}
    finally:
        project.env["DATABASE_URL"] = before


def goes_through_all_verbs(project: BakedProject, plain: str, schema: str) -> None:
    """Migrate, look, change, prove, take back, rebuild: all of it in `schema`, nothing in public."""
    assert "empty →" in project.make("migrate").out
    assert tables_in(project, plain, schema) >= TABLES
    assert tables_in(project, plain, "public") == set()
    assert "Nothing to do" in project.make("migrate").out
    assert project.make("status").out.endswith("Pending   nothing\n")
    project.add_column()
    project.revise("phone")
    project.make("migrate")
    assert "✗" not in project.make("checkmigrations").out
    project.make("rollback", "args=--yes")
    project.make("db")
    assert tables_in(project, plain, schema) >= TABLES
    assert tables_in(project, plain, "public") == set()
    code = (
        "from my_app import create_app; client = create_app().test_client(); "
        "print(client.get('/health/ready').status_code)"
    )
    assert project.run(project.python, "-c", code, FLASK_DEBUG="1").out.strip().endswith("200")


def test_F04_the_search_path_of_the_url(on: Bake) -> None:
    project = on("postgresql")
    plain = project.env["DATABASE_URL"]
    project.env["DATABASE_URL"] = f"{plain}?options=-csearch_path%3Dapp1&connect_timeout=7"
    goes_through_all_verbs(project, plain, "app1")
    out = project.make("backup").out
    assert "Snapshot" in out
    project.make("restore", "args=--yes")
    assert tables_in(project, plain, "app1") >= TABLES
    assert project.make("status").out.endswith("Pending   nothing\n")


def test_F04_a_shadow_database_is_not_reused_with_another_search_path(on: Bake) -> None:
    """It is kept between two commands, and its tables are in the schema of the first one."""
    project = on("postgresql")
    plain = project.env["DATABASE_URL"]
    for schema in ("public", "app3"):
        project.env["DATABASE_URL"] = f"{plain}?options=-csearch_path%3D{schema}"
        assert "Nothing to migrate" in project.make("newmigration", "m=nothing").out


def test_F04_the_search_path_of_connect_args_beside_a_url_for_migrations(
    on: Bake, postgresql: Server
) -> None:
    project = on("postgresql")
    plain = project.env["DATABASE_URL"]
    settings = project.path / "settings.py"
    settings.write_text(
        'SQLALCHEMY_ENGINE_OPTIONS = {"connect_args": {"options": "-c search_path=app2", "port": 1}}\n'
        f'SQLALCHEMY_DATABASE_URI = "{plain}"\n'
    )
    project.env |= {"SETTINGS": str(settings), "MIGRATION_DATABASE_URL": plain}
    project.flask("db", "upgrade")
    assert tables_in(project, plain, "app2") >= TABLES
    assert tables_in(project, plain, "public") == set()


def test_F04_the_search_path_of_a_role(on: Bake, postgresql: Server) -> None:
    project = on("postgresql")
    plain = project.env["DATABASE_URL"]
    name = plain.rpartition("/")[2]
    admin = on("postgresql")
    admin.env["DATABASE_URL"] = postgresql.url("postgres")
    admin.sql(f"CREATE ROLE role_{name} LOGIN CREATEDB PASSWORD 'role'")
    admin.sql(f"ALTER ROLE role_{name} SET search_path = 'With Space', public")
    project.env["DATABASE_URL"] = postgresql.url(name, f"role_{name}:role")
    goes_through_all_verbs(project, plain, "With Space")


REVISION = """
def upgrade():
    value = op.get_bind().exec_driver_sql({query!r}).scalar()
    assert str(value) == {expected!r}, value


def downgrade():
    pass
"""


@pytest.mark.parametrize("where", ["url", "connect_args"])
def test_F04_the_init_command_of_mariadb(on: Bake, where: str) -> None:
    project = on("mariadb")
    plain = project.env["DATABASE_URL"]
    command = "SET SESSION sql_mode = 'ANSI_QUOTES', @tenant = 'seven'"
    if where == "url":
        quoted = command.replace(" ", "%20").replace("'", "%27").replace("@", "%40").replace("=", "%3D")
        project.env["DATABASE_URL"] = f"{plain}?charset=utf8mb4&init_command={quoted}"
    else:
        settings = project.path / "settings.py"
        settings.write_text(
            f'SQLALCHEMY_ENGINE_OPTIONS = {{"connect_args": {{"init_command": "{command}"}}}}\n'
            f'SQLALCHEMY_DATABASE_URI = "{plain}"\n'
        )
        project.env["SETTINGS"] = str(settings)
    query = "SELECT concat(@tenant, ' ', @@sql_mode, ' ', @@lock_wait_timeout)"
    project.write_revision("asks", REVISION.format(query=query, expected="seven ANSI_QUOTES 5"))
    project.flask("db", "upgrade")
    assert "Nothing to do" in project.flask("db", "upgrade").out


def test_F04_the_arguments_of_sqlite(project: BakedProject) -> None:
    path = project.path / "instance" / "shop.db"
    project.env["DATABASE_URL"] = f"sqlite:///file:{path}?uri=true&timeout=17"
    project.flask("db", "upgrade")
    settings = project.path / "settings.py"
    settings.write_text('SQLALCHEMY_ENGINE_OPTIONS = {"connect_args": {"timeout": 23}}\n')
    for expected, env in (("17000", {}), ("23000", {"SETTINGS": str(settings)})):
        name = f"asks{expected}"
        project.write_revision(name, REVISION.format(query="PRAGMA busy_timeout", expected=expected))
        project.flask("db", "upgrade", **env)
