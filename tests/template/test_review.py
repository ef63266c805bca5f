"""What the review says about revisions written by hand: on real servers, one run for each engine."""

import json
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter
from project import ENGINES, TEMPLATE, BakedProject

# What every case stands on.
BASE = """
def upgrade():
    op.create_table(
        "tags",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(50)),
        sa.PrimaryKeyConstraint("id", name="pk_tags"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("nick", sa.String(50)),
        sa.Column("age", sa.Integer()),
        sa.Column("price", sa.Numeric(10, 2)),
        sa.Column("mood", sa.Enum("good", "bad", name="mood")),
        sa.Column("tag_id", sa.Integer()),
        sa.Column("other_tag_id", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name="fk_users_tag_id_tags"),
    )
    op.create_index("ix_users_tag_id", "users", ["tag_id"])
    op.create_table("keyless", sa.Column("id", sa.Integer(), nullable=False), sa.Column("n", sa.Integer()))


def downgrade():
    op.drop_table("keyless")
    op.drop_table("users")
    op.drop_table("tags")
"""
EVERYWHERE = tuple(ENGINES)
SERVERS = ("postgresql", "mariadb")
POSTGRESQL = ("postgresql",)
MARIADB = ("mariadb",)
NEW_TABLE = 'op.create_table("new", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.JSON))\n'
ADD = 'op.add_column("users", sa.Column("x", {}))'
ALTER = 'with op.batch_alter_table("users") as batch:\n    batch.alter_column({})'
ALONE = "with op.get_context().autocommit_block():\n    "
NICK = '"nick", existing_type=sa.String(50)'
BATCHES = "UPDATE users SET nick = 'x' WHERE id BETWEEN 1 AND 100"

# The rule, a revision that it warns of, one that does the same safely, and the engines.
CASES = [
    ("drop_column", 'op.drop_column("users", "nick")', NEW_TABLE + 'op.drop_column("new", "n")', EVERYWHERE),
    ("drop_column", 'with op.batch_alter_table("users") as b:\n    b.drop_column("nick")', None, EVERYWHERE),
    (
        "drop_column",
        'op.execute("ALTER TABLE users DROP COLUMN nick")',
        f'{ADD.format("sa.Integer")}\nop.drop_column("users", "x")',
        EVERYWHERE,
    ),
    ("drop_table", 'op.drop_table("keyless")', NEW_TABLE + 'op.drop_table("new")', EVERYWHERE),
    ("drop_table", 'op.execute("DROP TABLE keyless")', None, EVERYWHERE),
    (
        "rename_column",
        ALTER.format(f'{NICK}, new_column_name="alias"'),
        NEW_TABLE + 'op.alter_column("new", "n", existing_type=sa.JSON(), new_column_name="m")',
        EVERYWHERE,
    ),
    (
        "rename_table",
        'op.rename_table("keyless", "unlocked")',
        'op.rename_table("keyless", "unlocked")\nop.execute("CREATE VIEW keyless AS SELECT * FROM unlocked")',
        SERVERS,
    ),
    ("rename_table", 'op.rename_table("keyless", "unlocked")', None, ("sqlite",)),
    (
        "required_column",
        ADD.format("sa.Integer, nullable=False"),
        ADD.format('sa.Integer, server_default="1", nullable=False'),
        SERVERS,
    ),
    (
        "set_not_null",
        ALTER.format(f"{NICK}, nullable=False"),
        ALTER.format('"name", existing_type=sa.String(50), nullable=False'),
        SERVERS,
    ),
    ("change_type", ALTER.format('"age", type_=sa.BigInteger()'), None, SERVERS),
    (
        "change_type",
        ALTER.format('"price", existing_type=sa.Numeric(10, 2), type_=sa.Numeric(12, 4)'),
        ALTER.format(f"{NICK}, type_=sa.String(60)"),
        SERVERS,
    ),
    (
        "change_type",
        ALTER.format(f"{NICK}, type_=sa.CHAR(60)"),
        ALTER.format('"price", type_=sa.Numeric(12, 2)'),
        POSTGRESQL,
    ),
    (
        "change_type",
        ALTER.format(f"{NICK}, type_=sa.String(300)"),
        ALTER.format(f"{NICK}, type_=sa.String(63)"),
        MARIADB,
    ),
    ("narrow_type", ALTER.format(f"{NICK}, type_=sa.String(20)"), None, EVERYWHERE),
    (
        "narrow_type",
        ALTER.format('"age", type_=sa.SmallInteger()'),
        ALTER.format(f"{NICK}, type_=sa.Text()"),
        ("sqlite", "postgresql"),
    ),
    (
        "narrow_type",
        ALTER.format('"price", type_=sa.Numeric(8, 2)'),
        ALTER.format('"price", type_=sa.Numeric(14, 2)'),
        ("sqlite", "postgresql"),
    ),
    ("narrow_type", ALTER.format('"price", type_=sa.Integer()'), None, EVERYWHERE),
    (
        "remove_enum_value",
        ALTER.format('"mood", existing_type=sa.Enum("good", "bad"), type_=sa.Enum("good", name="mood")'),
        ALTER.format(
            '"mood", existing_type=sa.Enum("good", "bad"), type_=sa.Enum("good", "bad", "so", name="m")'
        ),
        MARIADB,
    ),
    (
        "index",
        'op.create_index("ix_users_nick", "users", ["nick"])',
        f'{ALONE}op.create_index("ix_users_nick", "users", ["nick"], postgresql_concurrently=True)',
        POSTGRESQL,
    ),
    (
        "index",
        'op.create_index("ix_users_nick", "users", ["nick"], mysql_prefix="FULLTEXT", '
        'mariadb_prefix="FULLTEXT")',
        'op.create_index("ix_users_nick", "users", ["nick"])',
        MARIADB,
    ),
    (
        "index_in_transaction",
        'op.create_index("ix_users_nick", "users", ["nick"], postgresql_concurrently=True)',
        f'{NEW_TABLE}op.create_index("ix_new", "new", ["id"])',
        POSTGRESQL,
    ),
    (
        "index_beside_others",
        f"{ADD.format('sa.Integer')}\n{ALONE}"
        'op.create_index("ix_users_nick", "users", ["nick"], postgresql_concurrently=True)',
        f'{ALONE}op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_users_nick")\n    '
        'op.create_index("ix_users_nick", "users", ["nick"], postgresql_concurrently=True)',
        POSTGRESQL,
    ),
    (
        "foreign_key",
        'op.create_foreign_key("fk_o", "users", "tags", ["other_tag_id"], ["id"])',
        'op.create_foreign_key("fk_o", "users", "tags", ["other_tag_id"], ["id"], postgresql_not_valid=True)',
        POSTGRESQL,
    ),
    (
        "foreign_key",
        'op.create_foreign_key("fk_o", "users", "tags", ["other_tag_id"], ["id"])',
        'op.execute("SET SESSION foreign_key_checks = 0")\n'
        'op.create_foreign_key("fk_o", "users", "tags", ["other_tag_id"], ["id"])\n'
        'op.execute("SET SESSION foreign_key_checks = 1")',
        MARIADB,
    ),
    (
        "check",
        'op.create_check_constraint("ck_users_age", "users", "age > 0")',
        'op.create_check_constraint("ck_users_age", "users", "age > 0", postgresql_not_valid=True)',
        POSTGRESQL,
    ),
    ("check", 'op.create_check_constraint("ck_users_age", "users", "age > 0")', None, MARIADB),
    (
        "validated_at_once",
        'op.create_check_constraint(op.f("ck_a"), "users", "age > 0", postgresql_not_valid=True)\n'
        'op.execute("ALTER TABLE users VALIDATE CONSTRAINT ck_a")',
        None,
        POSTGRESQL,
    ),
    (
        "unique",
        'op.create_unique_constraint("uq_users_nick", "users", ["nick"])',
        f'{NEW_TABLE}op.create_unique_constraint("uq_new", "new", ["id"])',
        POSTGRESQL,
    ),
    (
        "exclude",
        'op.create_exclude_constraint("ex", "users", ("int4range(0, age)", "&&"), using="gist")',
        None,
        POSTGRESQL,
    ),
    ("primary_key", 'op.create_primary_key("pk_keyless", "keyless", ["id"])', None, SERVERS),
    (
        "volatile_default",
        ADD.format('sa.Uuid, server_default=sa.text("gen_random_uuid()")'),
        ADD.format("sa.DateTime, server_default=sa.func.now()"),
        POSTGRESQL,
    ),
    (
        "volatile_default",
        ADD.format('sa.String(36), server_default=sa.text("(uuid())")'),
        ADD.format("sa.DateTime, server_default=sa.func.now()"),
        MARIADB,
    ),
    (
        "stored_generated",
        ADD.format('sa.Integer, sa.Computed("age * 2", persisted=True)'),
        ADD.format("sa.Integer"),
        SERVERS,
    ),
    ("serial", ADD.format("sa.Integer, sa.Identity()"), ADD.format("sa.Integer"), POSTGRESQL),
    (
        "json",
        ADD.format("sa.JSON"),
        f"from sqlalchemy.dialects.postgresql import JSONB\n{ADD.format('JSONB')}",
        POSTGRESQL,
    ),
    (
        "update_without_batches",
        "op.execute(\"UPDATE users SET nick = 'x'\")",
        f'{ALONE}op.execute("{BATCHES}")',
        EVERYWHERE,
    ),
    (
        "update_without_batches",
        "op.get_bind().execute(sa.text(\"UPDATE users SET nick = 'x' WHERE nick IS NULL\"))",
        'op.execute("UPDATE users SET nick = 1 WHERE id = 1")'.replace("1 WHERE", "'1' WHERE"),
        EVERYWHERE,
    ),
    (
        "update_without_batches",
        'op.execute(sa.table("users", sa.column("nick")).update().values(nick="x"))',
        NEW_TABLE + 'op.execute("UPDATE new SET id = 2")',
        EVERYWHERE,
    ),
    (
        "update_beside_ddl",
        f'{ADD.format("sa.Integer")}\nop.execute("UPDATE users SET x = 1 WHERE id BETWEEN 1 AND 9")',
        f'{ALONE}op.execute("{BATCHES}")',
        POSTGRESQL,
    ),
    ("delete_rows", 'op.execute("DELETE FROM users WHERE age > 99")', None, EVERYWHERE),
    (
        "raw_sql",
        'op.execute("LOCK TABLE users")',
        "op.execute(\"INSERT INTO tags (id, name) VALUES (1, 'x')\")",
        POSTGRESQL,
    ),
    (
        "squawk: require-concurrent-index-creation",
        'op.execute("CREATE INDEX ix_users_nick ON users (nick)")',
        NEW_TABLE + 'op.execute("CREATE INDEX ix_new ON new (id)")',
        POSTGRESQL,
    ),
    (
        "squawk: renaming-column",
        "op.execute(\"COMMENT ON TABLE users IS 'people'; ALTER TABLE users RENAME nick TO alias\")",
        "op.execute(\"COMMENT ON TABLE users IS 'people'\")",
        POSTGRESQL,
    ),
    (
        "raw_sql",
        'op.execute("CREATE TRIGGER t AFTER DELETE ON keyless FOR EACH ROW BEGIN DELETE FROM tags; END")',
        "op.execute(\"INSERT INTO tags (id, name) VALUES (1, 'x')\")",
        ("sqlite", "mariadb"),
    ),
    (
        "index_of_foreign_key",
        'op.drop_index("ix_users_tag_id", "users")',
        'op.drop_constraint("fk_users_tag_id_tags", "users", type_="foreignkey")\n'
        'op.drop_index("ix_users_tag_id", "users")',
        MARIADB,
    ),
    ("index_of_foreign_key", 'op.drop_column("users", "tag_id")', None, MARIADB),
]
HAZARDS = {"index_of_foreign_key": "H39", "required_column": "H44", "index_in_transaction": "H51",
           "index_beside_others": "H51", "update_beside_ddl": "H75", "update_without_batches": "H75",
           "drop_table": "H32"}  # fmt: skip

DRIVER = """
import json, sys, warnings
from contextlib import contextmanager
from pathlib import Path
from my_app import create_app
from flask_safe_migrations import backends as engines, runtime as history, safety as review

out = {}
with create_app().app_context():
    database, script = engines.configured(), history.directory()
    for name in json.loads(Path(sys.argv[1]).read_text()):
        revision = script.get_revision(name)
        path, recorded, error = Path(revision.path), [], None

        @contextmanager
        def watch(connection):
            with review.record_operations(path, connection) as found:
                try:
                    yield
                finally:
                    recorded.extend(found)

        with database.shadow() as shadow:
            history.run(shadow, script, "base_tables", upgrade=True)
            try:
                history.run(shadow, script, name, upgrade=True, recorder=watch)
            except Exception as failure:
                error = str(failure)
        findings = review.find_warnings(recorded, database, path)
        out[name] = {"words": review.describe(recorded), "error": error,
                     "findings": [vars(finding) | {"text": str(finding)} for finding in findings]}
Path(sys.argv[2]).write_text(json.dumps(out))
"""
DOWN = "\n\n\ndef downgrade():\n    raise NotImplementedError('not needed here')\n"


def upgrade(body: str) -> str:
    return "def upgrade():\n" + "".join(f"    {line}\n" for line in body.splitlines())


class Reviews:
    """Projects with the base tables, and the warnings for each revision, by its name."""

    def __init__(self, folder: Path, environment: Path, request: pytest.FixtureRequest) -> None:
        self.folder, self.environment, self.request = folder, environment, request
        self.projects: dict[str, BakedProject] = {}
        self.output: dict[str, dict] = {}

    def project(self, engine: str) -> BakedProject:
        if engine not in self.projects:
            context = {"database": engine, "example_models": False}
            path = cookiecutter(
                str(TEMPLATE), no_input=True, output_dir=str(self.folder / engine), extra_context=context
            )
            project = self.projects[engine] = BakedProject(Path(path))
            (project.path / ".venv").symlink_to(self.environment)
            if engine != "sqlite":
                server = self.request.getfixturevalue(engine)
                project.env["DATABASE_URL"] = server.url("review_dev")
            project.write_revision("base_tables", BASE)
        return self.projects[engine]

    def of(self, engine: str, bodies: dict[str, str]) -> dict[str, dict]:
        """Write these revisions, and run the review on each."""
        project = self.project(engine)
        for name, body in bodies.items():
            project.write_revision(name, body, down="base_tables")
        names, out = project.path / "names.json", project.path / "out.json"
        names.write_text(json.dumps(list(bodies)))
        project.run(project.python, "-c", DRIVER, names, out, FLASK_DEBUG="1")
        return json.loads(out.read_text())

    def matrix(self, engine: str) -> dict[str, dict]:
        """All cases of the table above, in one process."""
        if engine not in self.output:
            bodies = {}
            for number, (_rule, dangerous, safe, engines) in enumerate(CASES):
                if engine in engines:
                    bodies[f"danger{number}"] = upgrade(dangerous) + DOWN
                    if safe:
                        bodies[f"safe{number}"] = upgrade(safe) + DOWN
            self.output[engine] = self.of(engine, bodies)
        return self.output[engine]


@pytest.fixture(scope="module")
def reviews(tmp_path_factory, environment: Path, request: pytest.FixtureRequest) -> Reviews:
    return Reviews(tmp_path_factory.mktemp("reviews"), environment, request)


def parameters() -> list:
    """One engine after the other: a worker that takes over a few cases runs the driver for one only."""
    return [
        pytest.param(engine, number, id=f"{HAZARDS.get(rule, '')}_{rule}_{number}_{engine}".lstrip("_"))
        for engine in ENGINES
        for number, (rule, _dangerous, _safe, engines) in enumerate(CASES)
        if engine in engines
    ]


@pytest.mark.parametrize(("engine", "number"), parameters())
def test_H32_H39_H44_H51_H75_each_rule_warns_and_its_safe_version_does_not(
    reviews: Reviews, engine: str, number: int
) -> None:
    rule, _dangerous, safe, _engines = CASES[number]
    output = reviews.matrix(engine)
    findings = output[f"danger{number}"]["findings"]
    assert rule in [finding["rule"] for finding in findings], output[f"danger{number}"]
    texts = [finding["text"] for finding in findings]
    assert len({(finding["line"], finding["what"]) for finding in findings}) == len(findings), texts
    for finding in findings:
        assert finding["line"] > 8 and finding["accepted"] is None
        assert finding["instead"] and "{" not in finding["text"] and "None" not in finding["text"], texts
    if safe:
        assert output[f"safe{number}"]["error"] is None
        assert [finding["text"] for finding in output[f"safe{number}"]["findings"]] == []
