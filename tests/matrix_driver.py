"""Runs `flask …` commands of a baked project as its own Python would, many of them in little time.

Started with the project's Python inside the project. Reads one request a line, as JSON, and answers the same
way. What takes long, the imports of the libraries, is done once. "begin" forks a process
that takes all requests until "end"; in it the application is imported again whenever its models change.
"""

import importlib.util
import json
import os
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import TextIO

sys.dont_write_bytecode = True  # models that change twice in a second
sys.path.insert(0, str(Path.cwd()))

import alembic.autogenerate  # noqa: E402
import alembic.command  # noqa: E402
import flask.cli  # noqa: E402
import flask_migrate  # noqa: E402
import flask_sqlalchemy  # noqa: E402
import psycopg  # noqa: E402
import pymysql  # noqa: E402
import sqlalchemy  # noqa: E402
import sqlalchemy.dialects.mysql.pymysql  # noqa: E402
import sqlalchemy.dialects.postgresql.psycopg  # noqa: E402
import sqlalchemy.dialects.sqlite.pysqlite  # noqa: E402

import flask_safe_migrations.cli  # noqa: E402
import flask_safe_migrations.environment  # noqa: E402

IMPORTED = (alembic, flask_migrate, flask_safe_migrations, flask_sqlalchemy, psycopg, pymysql)


def import_again() -> None:
    """The models have changed."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_app"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def run_flask(arguments: list[str]) -> int:
    sys.argv = ["flask", *arguments]
    try:
        flask.cli.cli.main(arguments, prog_name="flask")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else bool(end.code)
    return 0


def run_sql(statements: list[str]) -> int:
    """Run statements on the application's database; print the rows of the last one as JSON."""
    from my_app import create_app, database

    rows: list = []
    with create_app().app_context(), database.db.engine.begin() as connection:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
            rows = [list(row) for row in result] if result.returns_rows else []
    print(json.dumps(rows, default=str))
    return 0


def describe(_arguments: list[str]) -> int:
    """Print what the database's own catalogue says of every table; nothing of it depends on an order."""
    from my_app import create_app, database

    warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)  # of indexes that it cannot reflect
    with create_app().app_context():
        print(json.dumps(schema(database.db.engine), sort_keys=True, default=str))
    return 0


def schema(engine: sqlalchemy.Engine) -> dict:
    inspector = sqlalchemy.inspect(engine)
    found: dict = {"views": sorted(inspector.get_view_names())}
    for table in inspector.get_table_names():
        columns = {
            column["name"]: {key: str(value) for key, value in column.items() if key != "autoincrement"}
            for column in inspector.get_columns(table)
        }
        found[table] = {
            "columns": columns,
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": _by_name(inspector.get_foreign_keys(table)),
            "unique": _by_name(inspector.get_unique_constraints(table)),
            "checks": _by_name(inspector.get_check_constraints(table)),
            "indexes": _by_name(inspector.get_indexes(table)),
        }
    if engine.dialect.name == "postgresql":
        found["enums"] = _by_name(inspector.get_enums())
        found["sequences"] = sorted(inspector.get_sequence_names())
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        constraints = (
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace"
        )
    elif engine.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type <> 'table'"
        constraints = ""
    else:
        return found
    with engine.connect() as connection:
        found["definitions"] = {
            row[0]: (row[1] or "").replace('"', "") for row in connection.exec_driver_sql(query)
        }
        if constraints:
            found["constraints"] = {row[0]: row[1] for row in connection.exec_driver_sql(constraints)}
    return found


def _by_name(found: list) -> dict:
    return {str(one["name"]): one for one in found}


def write_models(arguments: list[str]) -> int:
    path, text = arguments
    Path(path).write_text(text, encoding="utf-8")
    import_again()
    return 0


VERBS = {"flask": run_flask, "sql": run_sql, "schema": describe, "models": write_models}


def run(verb: str, arguments: list[str]) -> dict:
    """Return the exit code of a command and what it has printed."""
    with tempfile.TemporaryFile() as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
        try:
            code = VERBS[verb](arguments)
        except Exception:
            traceback.print_exc()
            code = 70
        sys.stdout.flush()
        sys.stderr.flush()
        out.seek(0)
        return {"code": code, "out": out.read().decode()}


def serve(answers: TextIO) -> None:
    """Take requests until "end". Each is answered before the next may come, or it would be read by two."""
    print("{}", file=answers, flush=True)
    while (request := json.loads(sys.stdin.readline()))["verb"] != "end":
        print(json.dumps(run(**request)), file=answers, flush=True)
    print("{}", file=answers, flush=True)


if __name__ == "__main__":
    find_spec = importlib.util.find_spec
    # Formatting takes longer than all the rest, and changes nothing of what a revision does.
    importlib.util.find_spec = lambda name: None if name == "ruff" else find_spec(name)
    answers = os.fdopen(os.dup(1), "w")
    while line := sys.stdin.readline():
        os.environ.update(json.loads(line)["env"])
        if not (child := os.fork()):
            serve(answers)
            os._exit(0)
        os.waitpid(child, 0)
