"""`flask db adopt`: a database that others have made is compared, gets its names once, and is stamped."""

import hashlib

import existing
import pytest
from project import ENGINES, Bake, BakedProject

NUMBER = {
    "sqlite": "INTEGER NOT NULL PRIMARY KEY",
    "postgresql": "SERIAL PRIMARY KEY",
    "mariadb": "INT NOT NULL AUTO_INCREMENT PRIMARY KEY",
}
NOW = {"sqlite": "DATETIME DEFAULT CURRENT_TIMESTAMP", "postgresql": "TIMESTAMP DEFAULT now()"}
NOW["mariadb"] = NOW["sqlite"]
# What the example models say, made by somebody without a naming convention, with a trigger and a view.
TRIGGERS = {
    "sqlite": "CREATE TRIGGER tidy AFTER INSERT ON tags BEGIN UPDATE tags SET name = trim(name); END;",
    "postgresql": "CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN NEW.name = trim(NEW.name); RETURN NEW; END $$;"
    "CREATE TRIGGER tidy BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION tidy();",
    "mariadb": "CREATE TRIGGER tidy BEFORE INSERT ON tags FOR EACH ROW SET NEW.name = trim(NEW.name);",
}
REVISION = "3f1d9a62c0b7"


def nameless(engine: str) -> str:
    return f"""
    CREATE TABLE tags (id {NUMBER[engine]}, name VARCHAR(50) NOT NULL UNIQUE);
    CREATE TABLE users (
        id {NUMBER[engine]},
        email VARCHAR(254) NOT NULL UNIQUE,
        name VARCHAR(100) NOT NULL CHECK (length(name) > 0),
        created_at {NOW[engine]} NOT NULL
    );
    CREATE TABLE user_tags (
        user_id INTEGER NOT NULL,
        tag_id INTEGER NOT NULL,
        PRIMARY KEY (user_id, tag_id),
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
        FOREIGN KEY (tag_id) REFERENCES tags (id) ON DELETE CASCADE
    );
    CREATE INDEX by_name ON users (name);
    CREATE INDEX by_tag ON user_tags (tag_id);
    CREATE VIEW names AS SELECT name FROM users;
    {TRIGGERS[engine]}
    INSERT INTO users (email, name) VALUES ('a@x', 'Ann'), ('b@x', 'Ben'), ('c@x', 'Cy');
    DELETE FROM users WHERE email = 'c@x';
    INSERT INTO tags (name) VALUES ('one'), ('two');
    INSERT INTO user_tags VALUES (1, 1), (1, 2), (2, 2);
    """


def fails(project: BakedProject, *arguments: str) -> str:
    """It says why, in words and one sentence at the end, and exits with 1."""
    result = project.flask("db", "adopt", *arguments, check=False)
    assert result.returncode == 1 and "Traceback" not in result.out, result.out
    return result.out


def catalogue(project: BakedProject) -> str:
    """A digest of everything in the database, by the project's own description."""
    code = (
        "from my_app import create_app\nfrom flask_safe_migrations import backends as engines\n"
        "with create_app().app_context():\n    database = engines.configured()\n"
        "    with database.connect() as connection:\n"
        "        print(sorted((name, d.text) for name, d in database.schema(connection).items()))\n"
        "        print(sorted(map(str, database.constraints(connection))))\n"
    )
    out = project.run(project.python, "-c", code, FLASK_DEBUG="1").out
    return hashlib.sha256(out.encode()).hexdigest()


@pytest.mark.parametrize("engine", ENGINES)
def test_H07_what_has_no_name_is_named_once_with_rows_and_triggers(on: Bake, engine: str) -> None:
    project = on(engine)
    existing.make(project, nameless(engine))
    rows, before = existing.rows(project), catalogue(project)

    output = fails(project)
    assert "the foreign key of user_tags (user_id)" in output and "to be fk_user_tags_user_id_users" in output
    assert output.rstrip().endswith("`make adopt args=--yes` to rename them.")
    assert catalogue(project) == before and existing.rows(project) == rows

    out = project.make("adopt", "args=--yes").out
    assert f"is at {REVISION} (baseline)." in out and "view names" in out
    assert ("Snapshot: instance/backups/" in out) is (engine == "sqlite")
    assert existing.rows(project) == rows
    assert project.revision == REVISION
    # The trigger works, the view too, numbers go on, and the foreign key does what it did.
    project.sql("INSERT INTO tags (name) VALUES (' three ')")
    assert ("three",) in project.sql("SELECT name FROM tags")
    assert sorted(project.sql("SELECT name FROM names")) == [("Ann",), ("Ben",)]
    assert "Nothing to adopt" in project.make("adopt").out
    assert "Nothing to do" in project.make("migrate").out
    assert "✗" not in project.flask("db", "verify", check=False).out

    # A second UNIQUE is not proposed, and a constraint can be dropped by the name that it has now.
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "nothing").out
    project.edit(project.models / "users.py", "String(254), unique=True", "String(254)")
    project.revise("emails may repeat")
    project.make("migrate")
    project.sql("INSERT INTO users (email, name) VALUES ('a@x', 'Another Ann')")
    kept = {name: found for name, found in existing.rows(project).items() if name == "user_tags"}
    assert kept["user_tags"] == rows["user_tags"]


@pytest.mark.parametrize("engine", ENGINES)
def test_H73_what_does_not_match_is_reported_in_words_and_not_stamped(on: Bake, engine: str) -> None:
    project = on(engine)
    wrong = (
        nameless(engine)
        .replace("email VARCHAR(254) NOT NULL UNIQUE", "email VARCHAR(100) NOT NULL")
        .replace("ON DELETE CASCADE\n", "\n")
        .replace("CREATE INDEX by_tag", "CREATE TABLE visits (at INTEGER); CREATE INDEX by_tag")
    )
    existing.make(project, wrong)
    before, rows = catalogue(project), existing.rows(project)
    output = fails(project)
    assert "changes the type of users.email from VARCHAR(100) to VARCHAR(254)" in output
    assert "adds the foreign key of user_tags (tag_id)" in output
    assert "drops the foreign key of user_tags (tag_id)" in output
    kind = "index" if engine == "mariadb" else "unique constraint"
    assert f"adds the {kind} of users (email)" in output
    assert "Tables that no model has:\n  visits\n" in output
    assert "Not adopted, and nothing was changed." in output
    assert fails(project, "--yes") == output
    assert catalogue(project) == before and existing.rows(project) == rows
    assert "alembic_version" not in str(existing.rows(project).keys())


def test_H64_create_all_beside_migrations_is_explained_and_adopted(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("migrate") if project.env else None  # a server's database has to be there
    for table in ("user_tags", "users", "tags", "alembic_version") if project.env else ():
        project.sql(f"DROP TABLE {table}")
    create = (
        "from my_app import create_app\nfrom my_app.database import db\n"
        "with create_app().app_context(): db.create_all()"
    )
    project.run(project.python, "-c", create, FLASK_DEBUG="1")
    sentence = project.flask_fails("db", "upgrade")
    assert "create_all()" in sentence and "`make adopt`" in sentence
    out = project.make("adopt").out
    assert f"is at {REVISION} (baseline)." in out and "to be" not in out  # the names are there already
    assert project.revision == REVISION
    assert "Nothing to do" in project.make("migrate").out


def test_a_table_of_somebody_elses_is_reported_and_may_stay(project: BakedProject) -> None:
    existing.make(project, nameless("sqlite") + "CREATE TABLE visits (at INTEGER);")
    assert 'make adopt args="--ignore visits"' in fails(project, "--yes")
    assert "Adopted" in project.flask("db", "adopt", "--yes", "--ignore", "visits").out
    assert existing.rows(project)["visits"] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_database_that_is_behind_is_adopted_where_it_stands(on: Bake, engine: str) -> None:
    project = on(engine)
    project.add_column()
    project.revise("phone")
    existing.make(project, nameless(engine))
    rows = existing.rows(project)
    output = fails(project)
    assert "adds column users.phone" in output and f'args="--at {REVISION}"' in output
    assert "does not match revision" in fails(project, "--at", "head")
    out = project.flask("db", "adopt", "--at", REVISION, "--yes").out
    assert f"is at {REVISION} (baseline)." in out
    assert "phone" in project.make("migrate").out
    after = existing.rows(project)
    assert after["user_tags"] == rows["user_tags"] and after["tags"] == rows["tags"]
    assert [row[:-1] for row in after["users"]] == rows["users"]
    assert "✗" not in project.flask("db", "verify", check=False).out


def test_revisions_that_lag_behind_the_models_come_first(project: BakedProject) -> None:
    existing.make(project, nameless("sqlite"))
    project.add_column()
    assert "make newmigration" in project.flask_fails("db", "adopt", "--yes")
    assert existing.rows(project)["users"]


def test_nothing_to_adopt(project: BakedProject) -> None:
    assert "has no tables" in project.make("adopt").out
    project.make("db")
    assert f"is at {REVISION}" in project.make("adopt").out


def test_rows_that_break_a_foreign_key_stay_as_they_are(project: BakedProject) -> None:
    """SQLite does not enforce them unless asked; naming looks, and finds it no worse than before."""
    existing.make(project, nameless("sqlite") + "INSERT INTO user_tags VALUES (77, 1);")
    rows = existing.rows(project)
    assert (77, 1) in rows["user_tags"]
    project.flask("db", "adopt", "--yes")
    assert existing.rows(project) == rows
