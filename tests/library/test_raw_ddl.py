"""F10: rows in the way of raw SQL, of EXCLUDE, of NULLS NOT DISTINCT and of MATCH FULL."""

import pytest
from histories import ENGINES, columns, stored_revision, write_revision
from sqlalchemy.dialects import mysql, postgresql, sqlite
from test_row_checks import filled, names_the_rows

from flask_safe_migrations.runtime.raw_ddl import read_operations

DIALECTS = {"postgresql": postgresql.dialect(), "mariadb": mysql.dialect(), "sqlite": sqlite.dialect()}
# Each is broken by the rows 21 and 23, and by no other.
INDEX = "CREATE UNIQUE INDEX uq_person_nick ON person (nick)"
CONSTRAINTS = [
    "ALTER TABLE person ADD CONSTRAINT uq_person_nick UNIQUE (nick)",
    "ALTER TABLE person ADD CONSTRAINT ck_person_adult CHECK (age >= 18 AND nick <> ');')",
    "alter table person add constraint fk_person_team foreign key (team_id) references team (id)",
]
STATEMENTS = {
    "sqlite": [INDEX, "CREATE UNIQUE INDEX uq ON person (lower(nick)) WHERE age < 18"],
    "postgresql": [
        INDEX,
        *CONSTRAINTS,
        "ALTER TABLE ONLY public.person ALTER COLUMN email SET NOT NULL",
        "-- required\nALTER TABLE person ALTER email SET DEFAULT 'x', ALTER email SET NOT NULL;",
        "CREATE UNIQUE INDEX ON person USING btree (lower(nick) DESC NULLS LAST) WHERE age < 18",
        "CREATE UNIQUE INDEX ON person (email) NULLS NOT DISTINCT",
        "ALTER TABLE Person ADD UNIQUE NULLS NOT DISTINCT (email)",
    ],
    "mariadb": [
        INDEX,
        *CONSTRAINTS,
        "ALTER TABLE person MODIFY email VARCHAR(50) NOT NULL COMMENT 'NULL'",
        "ALTER TABLE `person` CHANGE COLUMN `email` `mail` VARCHAR(50) NOT NULL",
        "ALTER TABLE person ADD UNIQUE KEY (nick(5))",
    ],
}
EXTRA = """
def upgrade():
    op.add_column("person", sa.Column("extra", sa.Integer))
    {change}
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_F10_raw_sql(project_on, engine):
    project = filled(project_on(engine))
    for sql in STATEMENTS[engine]:
        path = write_revision(project, "raw", EXTRA.format(change=f"op.execute({sql!r})"))
        sentence = project.fails("upgrade")
        assert names_the_rows(sentence), (sql, sentence)
        path.unlink()
    assert "extra" not in columns(project, "person")
    assert stored_revision(project) == "start"


@pytest.mark.parametrize("engine", ENGINES)
def test_F10_raw_sql_that_the_rows_permit(project_on, engine):
    project = filled(project_on(engine))
    project.sql("DELETE FROM person WHERE id IN (21, 23)")
    lines = "\n    ".join(f"op.execute({sql!r})" for sql in STATEMENTS[engine][::2])
    write_revision(project, "raw", EXTRA.format(change=lines))
    project.flask("upgrade")
    assert stored_revision(project) == "raw"


CHANGES = {
    "exclude": 'op.create_exclude_constraint("ex", "person", ("nick", "="), where="age < 18", using="btree")',
    "nulls": 'op.create_unique_constraint("uq", "person", ["email"], postgresql_nulls_not_distinct=True)',
    "nulls of an index": 'op.create_index("uq", "person", ["email"], unique=True, '
    "postgresql_nulls_not_distinct=True)",
    "match": 'op.create_foreign_key("fk", "person", "pair", ["email", "age"], ["a", "b"], match="FULL")',
    "raw match": 'op.execute("ALTER TABLE person ADD FOREIGN KEY (email, age) "\n'
    '        "REFERENCES pair (a, b) MATCH FULL")',
}


@pytest.mark.parametrize("change", CHANGES)
def test_F10_what_only_postgresql_has(project_on, change):
    project = filled(project_on("postgresql"))
    project.sql("CREATE TABLE pair (a varchar(50), b integer, PRIMARY KEY (a, b))")
    project.sql("INSERT INTO pair SELECT email, age FROM person WHERE email IS NOT NULL")
    path = write_revision(project, "tighten", EXTRA.format(change=CHANGES[change]))
    sentence = project.fails("upgrade")
    assert names_the_rows(sentence), sentence
    assert path.name in sentence
    assert "extra" not in columns(project, "person")
    project.sql("DELETE FROM person WHERE id IN (21, 23)")
    project.flask("upgrade")
    assert stored_revision(project) == "tighten"


@pytest.mark.parametrize("engine", DIALECTS)
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET a = 0 WHERE a IS NULL; ALTER TABLE t ALTER a SET NOT NULL",
        "ALTER TABLE t ALTER a TYPE integer USING coalesce(a, 0), ALTER a SET NOT NULL",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
        "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES o (b) NOT VALID",
        "ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i",
        "ALTER TABLE t ADD COLUMN a integer NOT NULL",
        "ALTER TABLE t MODIFY a INT GENERATED ALWAYS AS (b + 1) STORED NOT NULL",
        "ALTER TABLE t MODIFY a VARCHAR(9) DEFAULT 'NOT NULL'",
        "CREATE UNIQUE INDEX i ON t (a COLLATE nocase)",
        "CREATE UNIQUE INDEX i ON t (a text_pattern_ops)",
        "CREATE INDEX i ON t (a)",
        "INSERT INTO t VALUES ('ALTER TABLE t ALTER a SET NOT NULL')",
        "ALTER TABLE t VALIDATE CONSTRAINT c",
        "CREATE TABLE t (a integer NOT NULL UNIQUE)",
    ],
)
def test_F10_what_is_left_alone(engine, sql):
    assert read_operations(sql, DIALECTS[engine]) == []
