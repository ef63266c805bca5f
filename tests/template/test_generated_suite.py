"""The generated project's own tests and linters, for each database and with and without examples."""

import pytest
from project import ENGINES, Bake, BakedProject
from servers import Server


@pytest.mark.parametrize("examples", [True, False])
@pytest.mark.parametrize("engine", ENGINES)
def test_make_test_and_make_lint(
    bake: Bake, engine: str, examples: bool, request: pytest.FixtureRequest
) -> None:
    project = bake(database=engine, example_models=examples)
    if engine != "sqlite":
        server: Server = request.getfixturevalue(engine)
        project.env["DATABASE_URL"] = server.url("suite_dev")
    out = project.make("test").out
    assert f"{12 if examples else 8} passed" in out, out
    project.make("lint")
    if examples and engine == "sqlite":  # on the others it says the same, see test_ci.py
        project.make("types")
    project.make("db")
    assert "No new upgrade operations" in project.flask("db", "check").out


def test_its_tests_leave_no_database_behind(bake: Bake, postgresql: Server, mariadb: Server) -> None:
    for server, query in (
        (postgresql, "SELECT datname FROM pg_database"),
        (mariadb, "SELECT schema_name FROM information_schema.schemata"),
    ):
        project = bake()
        project.env["DATABASE_URL"] = server.url("tidy_dev")
        project.make("db")
        before = project.sql(query)
        out = project.make("test", "args=-n 2").out  # each of the two processes has databases of its own
        assert "2 workers" in out
        assert project.sql(query) == before


def test_its_tests_never_touch_the_database_that_migrations_are_sent_to(
    bake: Bake, postgresql: Server
) -> None:
    """MIGRATION_DATABASE_URL is set in somebody's shell: the tests neither migrate nor drop that one."""
    project = bake()
    project.env["DATABASE_URL"] = postgresql.url("precious")
    project.make("migrate")
    project.sql("INSERT INTO tags (name) VALUES ('precious')")
    project.make("test", MIGRATION_DATABASE_URL=postgresql.url("precious"))
    assert project.sql("SELECT name FROM tags") == [("precious",)]


def test_a_forgotten_revision_fails_them(bake: Bake) -> None:
    project = bake()
    project.add_column()
    out = project.make("test", check=False).out
    assert "test_model_definitions_match_ddl" in out and "failed" in out


def test_P2_the_test_database_is_built_by_the_migrations(project: BakedProject) -> None:
    """What it takes compared with `create_all()` is measured in benchmarks/."""
    conftest = (project.path / "tests" / "conftest.py").read_text()
    assert "MigratedDatabases(create_app" in conftest and "create_all" not in conftest
    (path,) = project.versions
    path.write_text(
        path.read_text().replace("\n\n\ndef downgrade", '\n    raise SystemExit("here")\n\n\ndef downgrade')
    )
    assert "SystemExit: here" in project.make("test", check=False).out
