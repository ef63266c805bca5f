"""A long history of revisions of all kinds, written as files: what a project has after some years."""

from pathlib import Path

REVISION = '''"""{message}

Revision ID: {revision}
Revises: {parent}
"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{parent}"
branch_labels = None
depends_on = None


def upgrade() -> None:
{up}


def downgrade() -> None:
{down}
'''

# One step after the other for each table; {n} is its number, {before} that of the table before it.
COMMON = {
    "create": (
        """\
    op.create_table(
        "things_{n}",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(50), nullable=False, comment="what it is called"),
        sa.Column("amount", sa.Numeric(10, 2), server_default="0.50", nullable=False),
        sa.Column("made_at", sa.DateTime(), server_default=sa.func.now(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=True),
        sa.Column("uid", sa.Uuid(), nullable=True),
        sa.Column("spare", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_things_{n}"),
        sa.UniqueConstraint("uid", name="uq_things_{n}_uid"),
        comment="things of kind {n}",
    )""",
        '    op.drop_table("things_{n}")',
    ),
    "add column": (
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.add_column(sa.Column("nick", sa.String(30), server_default="it's", nullable=True))""",
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.drop_column("nick")""",
    ),
    "unique index": (
        '    op.create_index("ix_things_{n}_name", "things_{n}", ["name", "nick"], unique=True)',
        '    op.drop_index("ix_things_{n}_name", "things_{n}")',
    ),
    "check": (
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.create_check_constraint(op.f("ck_things_{n}_amount"), "amount >= 0")""",
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.drop_constraint(op.f("ck_things_{n}_amount"), type_="check")""",
    ),
    "foreign key": (
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.add_column(sa.Column("parent_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            "fk_things_{n}_parent", "things_{before}", ["parent_id"], ["id"], ondelete="CASCADE"
        )""",
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.drop_constraint("fk_things_{n}_parent", type_="foreignkey")
        batch_op.drop_column("parent_id")""",
    ),
    "reference rows": (
        """\
    op.bulk_insert(
        sa.table("things_{n}", sa.column("name"), sa.column("payload", sa.JSON()),
            sa.column("uid", sa.Uuid())),
        [
            {{"name": "red: 100%", "payload": {{"a": [1, None, "\\u00e9"]}},
                "uid": __import__("uuid").UUID(int={n})}},
            {{"name": "gr'een\\\\n", "payload": None, "uid": None}},
        ],
    )
    op.execute("UPDATE things_{n} SET made_at = '2026-01-02 03:04:05' WHERE name LIKE 'red%'")
    op.execute("UPDATE things_{n} SET made_at = '2026-01-02 03:04:06' WHERE name LIKE 'gr%'")""",
        '    op.execute("DELETE FROM things_{n}")',
    ),
    "rename column": (
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.alter_column("nick", new_column_name="alias", existing_type=sa.String(30),
            existing_nullable=True, existing_server_default="it's")""",
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.alter_column("alias", new_column_name="nick", existing_type=sa.String(30),
            existing_nullable=True, existing_server_default="it's")""",
    ),
    "longer and required": (
        """\
    op.execute("UPDATE things_{n} SET alias = 'none' WHERE alias IS NULL")
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.alter_column("alias", type_=sa.String(80), nullable=False, existing_type=sa.String(30),
            existing_server_default="it's")""",
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.alter_column("alias", type_=sa.String(30), nullable=True, existing_type=sa.String(80),
            existing_server_default="it's")""",
    ),
    "drop column": (
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.drop_column("spare")""",
        """\
    with op.batch_alter_table("things_{n}") as batch_op:
        batch_op.add_column(sa.Column("spare", sa.Boolean(), nullable=True))""",
    ),
    "table that goes again": (
        """\
    op.create_table("passing_{n}", sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_passing_{n}"))
    op.drop_table("passing_{n}")
    op.create_table("old_name_{n}", sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_old_name_{n}"))""",
        '    op.drop_table("old_name_{n}")',
    ),
    "rename table": (
        '    op.rename_table("old_name_{n}", "new_name_{n}")',
        '    op.rename_table("new_name_{n}", "old_name_{n}")',
    ),
    "backfill": (
        """\
    if op.get_context().as_sql:
        return
    table = sa.table("things_{n}", sa.column("id"), sa.column("amount"))
    with op.get_context().autocommit_block():
        for key in op.get_bind().scalars(sa.select(table.c.id)).all():
            op.get_bind().execute(sa.update(table).where(table.c.id == key).values(amount=1))""",
        "    pass",
    ),
    "view": (
        '    op.execute("CREATE VIEW seen_{n} AS SELECT id, name FROM things_{n} WHERE amount > 0")',
        '    op.execute("DROP VIEW seen_{n}")',
    ),
}
OWN = {
    "sqlite": {
        "engine's own index": (
            """\
    op.create_index("ix_things_{n}_low", "things_{n}", [sa.text("lower(name)")],
        sqlite_where=sa.text("amount > 1"))""",
            '    op.drop_index("ix_things_{n}_low", "things_{n}")',
        ),
        "trigger": (
            """\
    op.execute(\"\"\"CREATE TRIGGER touch_{n} AFTER UPDATE OF name ON things_{n} BEGIN
        UPDATE things_{n} SET alias = 'a:b' WHERE id = NEW.id; END\"\"\")""",
            '    op.execute("DROP TRIGGER touch_{n}")',
        ),
        "what only SQLite has": (
            """\
    op.execute('''CREATE TABLE "own {n}" (code TEXT COLLATE NOCASE PRIMARY KEY, n INTEGER DEFAULT (1 + 1)
        CHECK (n > 0), twice INTEGER GENERATED ALWAYS AS (n * 2) VIRTUAL) WITHOUT ROWID''')
    op.execute("INSERT INTO \\"own {n}\\" (code) VALUES ('x')")""",
            """    op.execute('DROP TABLE "own {n}"')""",
        ),
    },
    "postgresql": {
        "engine's own index": (
            """\
    op.create_index("ix_things_{n}_low", "things_{n}", [sa.text("lower(name) DESC")],
        postgresql_where=sa.text("amount > 1"), postgresql_include=["uid"])""",
            '    op.drop_index("ix_things_{n}_low", "things_{n}")',
        ),
        "trigger": (
            """\
    op.execute(\"\"\"CREATE FUNCTION touch_{n}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- \\\\:not a parameter, 100%
    NEW.alias := 'a\\\\:b\\\\c';
    RETURN NEW;
END $$\"\"\")
    op.execute("CREATE TRIGGER touch BEFORE UPDATE ON things_{n} FOR EACH ROW "
        "EXECUTE FUNCTION touch_{n}()")""",
            """\
    op.execute("DROP TRIGGER touch ON things_{n}")
    op.execute("DROP FUNCTION touch_{n}()")""",
        ),
        "what only PostgreSQL has": (
            """\
    mood = sa.Enum("sad", "o'k", name="mood_{n}")
    mood.create(op.get_bind())
    op.execute("CREATE SEQUENCE steps_{n} START 5 INCREMENT 5")
    op.create_table("own_{n}", sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("mood", sa.Enum("sad", "o'k", name="mood_{n}", create_type=False), server_default="sad"),
        sa.Column("tags", sa.dialects.postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("doc", sa.dialects.postgresql.JSONB(), nullable=True),
        sa.Column("step", sa.Integer(), server_default=sa.text("nextval('steps_{n}')"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_own_{n}"))
    op.create_index("ix_own_{n}_doc", "own_{n}", ["doc"], postgresql_using="gin")
    op.execute("ALTER TABLE own_{n} ADD CONSTRAINT ex_own_{n} EXCLUDE USING btree (step WITH =)")
    op.execute("COMMENT ON INDEX ix_own_{n}_doc IS 'for \\"doc\\"'")
    op.execute("INSERT INTO own_{n} (tags, doc, at) VALUES (ARRAY['a','b'], '{{\\"a\\": 1}}', "
        "'2026-01-02 03\\\\:04\\\\:05+01')")
    op.execute("CREATE MATERIALIZED VIEW sums_{n} AS SELECT count(*) AS n FROM own_{n}")""",
            """\
    op.execute("DROP MATERIALIZED VIEW sums_{n}")
    op.drop_table("own_{n}")
    op.execute("DROP SEQUENCE steps_{n}")
    op.execute("DROP TYPE mood_{n}")""",
        ),
    },
    "mariadb": {
        "engine's own index": (
            '    op.create_index("ix_things_{n}_low", "things_{n}", [sa.text("name(7) DESC")])',
            '    op.drop_index("ix_things_{n}_low", "things_{n}")',
        ),
        "trigger": (
            """\
    op.execute(\"\"\"CREATE TRIGGER touch_{n} BEFORE UPDATE ON things_{n} FOR EACH ROW
BEGIN SET NEW.alias = 'a\\\\:b\\\\\\\\c 100%'; END\"\"\")
    op.execute("CREATE PROCEDURE count_{n}(OUT n INT) SELECT count(*) INTO n FROM things_{n}")
    op.execute("CREATE SEQUENCE steps_{n} START WITH 5 INCREMENT BY 5")""",
            """\
    op.execute("DROP SEQUENCE steps_{n}")
    op.execute("DROP PROCEDURE count_{n}")
    op.execute("DROP TRIGGER touch_{n}")""",
        ),
        "what only MariaDB has": (
            """\
    op.execute("CREATE TABLE own_{n} (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, mood ENUM('sad', 'ok') "
        "DEFAULT 'sad', names SET('a', 'b'), small VARCHAR(20) CHARACTER SET latin1, twice INT AS (id * 2) "
        "VIRTUAL, at TIMESTAMP(6) NOT NULL DEFAULT '2026-01-02 00\\\\:00\\\\:00', FULLTEXT KEY ft (small)) "
        "COMMENT 'own' ROW_FORMAT=DYNAMIC")
    op.execute("INSERT INTO own_{n} (id, names, small) VALUES (7, 'a,b', 'x')")
    op.execute("DELETE FROM own_{n}")
    op.execute("INSERT INTO own_{n} (names, small) VALUES ('b', 'y')")""",
            '    op.execute("DROP TABLE own_{n}")',
        ),
    },
}


def revision(number: int) -> str:
    return f"c{number:05}"


def write(folder: Path, engine: str, parent: str, count: int) -> list[str]:
    """Write `count` revisions on top of `parent`; return their ids."""
    steps = list((COMMON | OWN[engine]).items())
    names = []
    for number in range(count):
        message, (up, down) = steps[number % len(steps)]
        family = number // len(steps)
        values = {"n": family, "before": max(family - 1, 0)}
        text = REVISION.format(
            message=f"{message} {family}",
            revision=revision(number),
            parent=parent,
            up=up.format(**values),
            down=down.format(**values),
        )
        (folder / f"20260301_{number:05}_{revision(number)}.py").write_text(text)
        parent = revision(number)
        names.append(parent)
    return names
