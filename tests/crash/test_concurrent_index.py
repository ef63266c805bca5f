"""H51: what a CREATE INDEX CONCURRENTLY has left that failed or was killed. PostgreSQL has it alone."""

import signal
import subprocess
import time

import psycopg
import pytest
from project import Bake, BakedProject
from servers import Server
from test_deployments import finish, start, wait_until

INDEX = """
def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("ix_items_name", "items", ["name"], {arguments}postgresql_concurrently=True)


def downgrade():
    op.drop_index("ix_items_name", "items")
"""
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_items_name')"


@pytest.fixture
def items(bake: Bake, postgresql: Server) -> BakedProject:
    project = bake(database="postgresql", example_models=False)
    project.env["DATABASE_URL"] = postgresql.url(f"items_{time.monotonic_ns()}_dev")
    body = 'def upgrade():\n    op.execute("CREATE TABLE items (id int, name text)")\n'
    project.write_revision("items", body)
    project.make("migrate")
    project.sql("INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 1000) n")
    return project


@pytest.mark.parametrize("arguments", ["unique=True, ", "unique=True, if_not_exists=True, "])
def test_H51_an_index_that_failed_is_created_again(items: BakedProject, arguments: str) -> None:
    project = items
    project.env["MIGRATION_ROW_CHECK_TIMEOUT"] = "0"  # which would find the two rows before
    project.sql("INSERT INTO items VALUES (0, 'item 1')")
    project.write_revision("indexed", INDEX.format(arguments=arguments))
    out = project.flask("db", "upgrade", check=False)
    assert out.returncode == 1 and "could not create unique index" in out.out and "Traceback" not in out.out
    assert project.sql(VALID) == [(False,)]
    project.sql("DELETE FROM items WHERE id = 0")
    out = project.make("migrate").out
    assert "Dropped index ix_items_name" in out
    assert project.sql(VALID) == [(True,)] and project.revision == "indexed"
    project.make("rollback")
    assert "Dropped" not in project.make("migrate").out


@pytest.mark.parametrize("arguments", ["", "if_not_exists=True, "])
def test_H51_the_process_is_killed_while_it_makes_the_index(items: BakedProject, arguments: str) -> None:
    """A transaction holds it up. The server's process notices within a second that its client is gone."""
    project = items
    project.write_revision("indexed", INDEX.format(arguments=arguments))
    building = "SELECT pid FROM pg_stat_progress_create_index"
    with psycopg.connect(project.url) as holder:
        holder.execute("UPDATE items SET name = 'held' WHERE id = 1")
        first = start(project)
        wait_until(lambda: project.sql(building))
        first.send_signal(signal.SIGKILL)
        first.wait()
        second = start(project)
        wait_until(lambda: not project.sql(building) or second.poll() is not None)
        holder.commit()
    ((code, out),) = finish([second])
    assert code == 0, out
    assert project.sql(VALID) == [(True,)] and project.revision == "indexed"
    assert project.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]


def test_H51_an_index_that_was_finished_just_before_the_kill(items: BakedProject) -> None:
    project = items
    project.write_revision("indexed", INDEX.format(arguments="postgresql_where=sa.text('id > 10'), "))
    project.sql("CREATE INDEX CONCURRENTLY ix_items_name ON items (name) WHERE id > 10")
    assert "is there already" in project.make("migrate").out
    assert project.revision == "indexed" and project.sql(VALID) == [(True,)]
    project.make("rollback")
    # Another one of this name is somebody's own.
    project.sql("CREATE INDEX CONCURRENTLY ix_items_name ON items (name)")
    out = project.flask("db", "upgrade", check=False).out
    assert "already exists" in out and "Traceback" not in out and project.sql(VALID) == [(True,)]


def test_H51_an_index_that_somebody_is_making_is_left_alone(items: BakedProject) -> None:
    project = items
    project.write_revision("indexed", INDEX.format(arguments=""))
    with psycopg.connect(project.url) as holder:
        holder.execute("UPDATE items SET name = 'held' WHERE id = 1")
        code = f"import psycopg; c = psycopg.connect({project.url!r}, autocommit=True)\n"
        code += "c.execute('CREATE INDEX CONCURRENTLY ix_items_name ON items (name)')"
        other = subprocess.Popen([project.python, "-c", code])
        wait_until(lambda: project.sql("SELECT 1 FROM pg_stat_progress_create_index"))
        out = project.flask("db", "upgrade", check=False, MIGRATION_LOCK_TIMEOUT="0.5").out
        assert "which makes an index of items" in out and "gave up" in out and "Traceback" not in out
        holder.commit()
    assert other.wait(30) == 0
    assert project.sql(VALID) == [(True,)]
    assert "is there already" in project.make("migrate").out
