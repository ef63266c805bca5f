"""A command connects dozens of times; SQLAlchemy compiles its statements once for each engine."""

from pathlib import Path

from flask_safe_migrations import backends


def test_connections_with_the_same_arguments_share_an_engine(tmp_path: Path) -> None:
    database = backends.of(f"sqlite:///{tmp_path}/shop.db")
    with database.connect() as first, database.connect() as second:
        assert first.engine is second.engine
        assert first.connection.dbapi_connection is not second.connection.dbapi_connection
    with database.connect({"timeout": 1}) as other:
        assert other.engine is not first.engine
    with database.with_name(f"{tmp_path}/other.db").connect() as other:
        assert other.engine is not first.engine


def test_a_database_in_memory_is_that_of_the_application() -> None:
    database, application = backends.of("sqlite://"), backends.of("sqlite://").create_engine()
    with database.connect():
        pass
    database.use_engine(application)
    with database.connect() as connection:
        assert connection.engine is application
    database.drop()
    with database.connect() as connection:
        assert connection.engine is not application
