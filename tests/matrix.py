"""The matrix of model changes: one row each. A new case is a line more.

A row is taken through `flask db new`, `upgrade`, `check` and `downgrade` on each engine by test_matrix.py,
without anybody editing the revision. `before` and `after` are the models, in SQLAlchemy's own words; `rows`
is SQL that fills the tables before the change; `query` has to give `expected` after it.

A number such as H21 in a name is that of the hazard which the row is the test of.
"""

from dataclasses import dataclass, field
from typing import Any

ALL = ("sqlite", "postgresql", "mariadb")
SERVERS = ("postgresql", "mariadb")


@dataclass(frozen=True)
class Row:
    name: str
    before: str
    after: str
    # For `flask db new`.
    options: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    query: str = ""
    expected: list[Any] = field(default_factory=list)
    engines: tuple[str, ...] = ALL
    # What `flask db new` has to say where it must refuse to make a revision.
    refused: str = ""
    # The same where it is reported on some engines only: "Nothing to migrate", "Not proved".
    outputs: dict[str, str] = field(default_factory=dict)


def table(name: str, *parts: str) -> str:
    """A table with an integer `id` and these columns and constraints."""
    return f"Table({', '.join([repr(name), 'db.metadata', ID, *parts])})\n"


def bare(name: str, *parts: str) -> str:
    return f"Table({', '.join([repr(name), 'db.metadata', *parts])})\n"


def t(*parts: str) -> str:
    """Table `t`, which most rows change; it has a name so that there is something to keep."""
    return table("t", 'Column("name", String(50))', *parts)


ID = 'Column("id", Integer, primary_key=True)'
PARENT = table("p", 'Column("name", String(50))')
ONE = ("INSERT INTO t (id, name) VALUES (1, 'one'), (2, 'two')",)
FAMILY = ("INSERT INTO p (id, name) VALUES (1, 'mum')", *ONE)
NAMES = "SELECT id, name FROM t ORDER BY id"
DROP_BOTH = ("--drop", "a", "--drop", "b")
BOTH = [[1, "one"], [2, "two"]]


def row(name: str, before: str, after: str, *options: str, **more: Any) -> Row:
    """A row whose table `t` keeps its two rows, where nothing else is set."""
    if "rows" not in more and "refused" not in more and "'t'" in before and "'t'" in after:
        more |= {"rows": ONE, "query": more.get("query", NAMES), "expected": more.get("expected", BOTH)}
    return Row(name, before, after, tuple(options), **more)


MATRIX = [
    # Columns
    row("add a nullable column", t(), t('Column("x", Integer)')),
    row(
        "add a column with a default",
        t(),
        t('Column("x", Integer, nullable=False, server_default="7")'),
        query="SELECT id, x FROM t ORDER BY id",
        expected=[[1, 7], [2, 7]],
    ),
    row(
        "H44 add a required column",
        t(),
        t('Column("x", String(9), nullable=False)'),
        "--default",
        "t.x=new",
        query="SELECT id, x FROM t ORDER BY id",
        expected=[[1, "new"], [2, "new"]],
    ),
    row("add a unique column", t(), t('Column("x", String(9), unique=True)')),
    row("add an indexed column", t(), t('Column("x", String(9), index=True)')),
    row(
        "add a column with a foreign key",
        PARENT + t(),
        PARENT + t('Column("p_id", ForeignKey("p.id"))'),
        rows=FAMILY,
        query=NAMES,
        expected=BOTH,
    ),
    row(
        "add an indexed column with a foreign key",
        PARENT + t(),
        PARENT + t('Column("p_id", ForeignKey("p.id", ondelete="CASCADE"), index=True)'),
        rows=FAMILY,
        query=NAMES,
        expected=BOTH,
    ),
    row(
        "add a column with now() as its default",
        t(),
        t('Column("at", DateTime, server_default=func.now(), nullable=False)'),
    ),
    row("drop a column", t('Column("x", Integer)'), t()),
    row("drop a unique column", t('Column("x", String(9), unique=True)'), t()),
    row("drop an indexed column", t('Column("x", String(9), index=True)'), t()),
    row(
        "drop a column with a foreign key",
        PARENT + t('Column("p_id", ForeignKey("p.id"), index=True)'),
        PARENT + t(),
        rows=FAMILY,
        query=NAMES,
        expected=BOTH,
    ),
    row(
        "drop a column with a check",
        t('Column("x", Integer)', 'CheckConstraint("x > 0", name="positive")'),
        t(),
    ),
    row(
        "H19 rename a column",
        t(),
        table("t", 'Column("title", String(50))'),
        "--rename",
        "t.name:title",
        query="SELECT id, title FROM t ORDER BY id",
    ),
    row(
        "H19 rename an indexed and a unique column",
        t('Column("a", Integer, index=True)', 'Column("b", Integer, unique=True)'),
        t('Column("c", Integer, index=True)', 'Column("d", Integer, unique=True)'),
        "--rename",
        "t.a:c",
        "--rename",
        "t.b:d",
    ),
    row(
        "H19 rename a column with a foreign key",
        PARENT + t('Column("p_id", ForeignKey("p.id"), index=True)'),
        PARENT + t('Column("q_id", ForeignKey("p.id"), index=True)'),
        "--rename",
        "t.p_id:q_id",
        rows=(FAMILY[0], "INSERT INTO t (id, name, p_id) VALUES (1, 'one', 1)"),
        query="SELECT id, q_id FROM t",
        expected=[[1, 1]],
    ),
    row(
        "H19 rename a column with a check",
        t('Column("x", Integer)', 'CheckConstraint("x > 0", name="positive")'),
        t('Column("y", Integer)', 'CheckConstraint("y > 0", name="positive")'),
        "--rename",
        "t.x:y",
        rows=("INSERT INTO t (id, x) VALUES (1, 5)",),
        query="SELECT y FROM t",
        expected=[[5]],
    ),
    row(
        "H20 rename a table",
        t('Column("x", Integer, index=True)', 'Column("y", Integer, unique=True)'),
        table(
            "u",
            'Column("name", String(50))',
            'Column("x", Integer, index=True)',
            'Column("y", Integer, unique=True)',
        ),
        "--rename-table",
        "t:u",
        rows=ONE,
        query="SELECT id, name FROM u ORDER BY id",
        expected=BOTH,
    ),
    row(
        "H20 rename a table that is referred to",
        PARENT + t('Column("p_id", ForeignKey("p.id"))'),
        table("q", 'Column("name", String(50))') + t('Column("p_id", ForeignKey("q.id"))'),
        "--rename-table",
        "p:q",
        rows=(FAMILY[0], "INSERT INTO t (id, name, p_id) VALUES (1, 'one', 1)"),
        query="SELECT q.name, t.name FROM q JOIN t ON t.p_id = q.id",
        expected=[["mum", "one"]],
    ),
    row(
        "H20 rename a table with a foreign key",
        PARENT + t('Column("p_id", ForeignKey("p.id"))'),
        PARENT + table("u", 'Column("name", String(50))', 'Column("p_id", ForeignKey("p.id"))'),
        "--rename-table",
        "t:u",
        rows=FAMILY,
        query="SELECT id, name FROM u ORDER BY id",
        expected=BOTH,
    ),
    row(
        "H20 rename a table and one of its columns",
        t(),
        table("u", 'Column("title", String(50))'),
        "--rename-table",
        "t:u",
        "--rename",
        "u.name:title",
        rows=ONE,
        query="SELECT id, title FROM u ORDER BY id",
        expected=BOTH,
    ),
    # Types
    row("widen a string", t('Column("x", String(10))'), t('Column("x", String(40))')),
    row(
        "narrow a string",
        t('Column("x", String(40))'),
        t('Column("x", String(10))'),
    ),
    row(
        "H30 a string without length",
        t('Column("x", String(10))'),
        t('Column("x", String)'),
        engines=("sqlite", "postgresql"),
    ),
    row(
        "H30 a string with a length",
        t('Column("x", String)'),
        t('Column("x", String(10))'),
        engines=("sqlite", "postgresql"),
    ),
    row("string to text", t('Column("x", String(10))'), t('Column("x", Text)')),
    row("integer to big integer", t('Column("x", Integer)'), t('Column("x", BigInteger)')),
    row(
        "integer to string",
        t('Column("x", Integer)'),
        t('Column("x", String(20))'),
        rows=("INSERT INTO t (id, x) VALUES (1, 5)",),
        query="SELECT x FROM t",
        expected=[["5"]],
    ),
    row("H30 numeric precision", t('Column("x", Numeric(8, 2))'), t('Column("x", Numeric(10, 2))')),
    row("H30 numeric without precision", t('Column("x", Numeric(8, 2))'), t('Column("x", Numeric)')),
    row("H30 numeric scale", t('Column("x", Numeric(10, 2))'), t('Column("x", Numeric(12, 4))')),
    row(
        "H30 fewer digits before the point",
        t('Column("x", Numeric(10, 2))'),
        t('Column("x", Numeric(10, 4))'),
    ),
    row(
        "H30 date with time zone",
        t('Column("at", DateTime)'),
        t('Column("at", DateTime(timezone=True))'),
        engines=("postgresql",),
    ),
    row(
        "H30 collation",
        t('Column("x", String(10))'),
        t('Column("x", String(10, collation="C"))'),
        engines=("postgresql",),
    ),
    row(
        "H30 collation",
        t('Column("x", String(10))'),
        t('Column("x", String(10, collation="utf8mb4_bin"))'),
        engines=("mariadb",),
    ),
    row(
        "H30 collation",
        t('Column("x", String(10))'),
        t('Column("x", String(10, collation="NOCASE"))'),
        engines=("sqlite",),
        refused="Nothing to migrate",
    ),
    row(
        "H30 types that are no difference",
        t(),
        t(
            'Column("a", Float(53))',
            'Column("b", LargeBinary(16))',
            'Column("c", Float(24))',
            'Column("d", Double)',
            'Column("e", JSON)',
            'Column("f", Uuid)',
            'Column("g", Boolean)',
            'Column("h", Interval)',
            'Column("i", Numeric)',
            'Column("j", Time)',
            'Column("k", Date)',
            'Column("l", SmallInteger)',
            'Column("m", Float)',
            'Column("n", LargeBinary)',
            'Column("o", Unicode(20))',
            'Column("p", Text)',
            'Column("q", DateTime(timezone=True))',
            'Column("r", BigInteger)',
            'Column("s", PickleType)',
        ),
    ),
    row(
        "text to boolean apart",
        t('Column("x", Boolean)'),
        t('Column("x", SmallInteger)'),
        engines=("sqlite", "mariadb"),
    ),
    row(
        "nullable to required",
        t('Column("x", Integer)'),
        t('Column("x", Integer, nullable=False)'),
        "--default",
        "t.x=0",
        query="SELECT id, x FROM t ORDER BY id",
        expected=[[1, 0], [2, 0]],
    ),
    row(
        "required to nullable",
        t('Column("x", Integer, nullable=False, server_default="1")'),
        t('Column("x", Integer, server_default="1")'),
    ),
    # Constraints
    row("add a unique constraint", t(), t('UniqueConstraint("name")')),
    row("drop a unique constraint", t('UniqueConstraint("name")'), t()),
    row(
        "change a unique constraint",
        t('Column("x", Integer)', 'UniqueConstraint("name")'),
        t('Column("x", Integer)', 'UniqueConstraint("name", "x")'),
    ),
    row(
        "add a foreign key",
        PARENT + t('Column("p_id", Integer)'),
        PARENT + t('Column("p_id", ForeignKey("p.id"))'),
        rows=FAMILY,
        query=NAMES,
        expected=BOTH,
    ),
    row(
        "drop a foreign key",
        PARENT + t('Column("p_id", ForeignKey("p.id"))'),
        PARENT + t('Column("p_id", Integer)'),
        rows=FAMILY,
        query=NAMES,
        expected=BOTH,
    ),
    row(
        "change ON DELETE",
        PARENT + t('Column("p_id", ForeignKey("p.id"))'),
        PARENT + t('Column("p_id", ForeignKey("p.id", ondelete="CASCADE"))'),
        rows=FAMILY,
        query=NAMES,
        expected=BOTH,
    ),
    row(
        "point a foreign key elsewhere",
        PARENT + table("q") + t('Column("p_id", ForeignKey("p.id"))'),
        PARENT + table("q") + t('Column("p_id", ForeignKey("q.id"))'),
        rows=FAMILY,
        query=NAMES,
        expected=BOTH,
    ),
    row("H28 add a check", t(), t('CheckConstraint("length(name) > 0", name="named")')),
    row("H28 drop a check", t('CheckConstraint("length(name) > 0", name="named")'), t()),
    row(
        "H28 change a check",
        t('Column("x", Integer)', 'CheckConstraint("x > 0", name="positive")'),
        t('Column("x", Integer)', 'CheckConstraint("x >= 0 AND x <> 13", name="positive")'),
    ),
    row(
        "H28 checks that are no difference",
        t('Column("x", Integer)'),
        t(
            'Column("x", Integer)',
            "CheckConstraint(\"name IN ('a', 'one', 'two') OR name LIKE '%b%'\", name='names')",
            "CheckConstraint(\"x BETWEEN 1 AND 9 OR NOT (x < 3)\", name='numbers')",
            "CheckConstraint(\"coalesce(name, 'it''s') <> ''\", name='quotes')",
        ),
    ),
    row("H28 a boolean with a check", t(), t('Column("x", Boolean(create_constraint=True, name="x"))')),
    row(
        "H28 a boolean with a check is dropped",
        t('Column("x", Boolean(create_constraint=True, name="x"))'),
        t(),
    ),
    # Enums
    row("H22 add an enum column", t(), t('Column("x", Enum("a", "b", name="mood"))')),
    row("drop an enum column", t('Column("x", Enum("a", "b", name="mood"))'), t()),
    row("H23 a table with an enum", PARENT, PARENT + t('Column("x", Enum("a", "b", name="mood"))')),
    row(
        "drop a table with an enum",
        PARENT + t('Column("x", Enum("a", "b", name="mood"))'),
        PARENT,
        "--drop",
        "t",
    ),
    row(
        "an enum that another table has",
        t('Column("x", Enum("a", "b", name="mood"))'),
        t('Column("x", Enum("a", "b", name="mood"))')
        + table("u", 'Column("x", Enum("a", "b", name="mood"))'),
    ),
    row(
        "H21 add an enum value",
        t('Column("x", Enum("a", "b", name="mood"))'),
        t('Column("x", Enum("a", "m", "b", "z", name="mood"))'),
        outputs={"sqlite": "Nothing to migrate"},
        rows=("INSERT INTO t (id, x) VALUES (1, 'b')",),
        query="SELECT x FROM t",
        expected=[["b"]],
    ),
    row(
        "H21 add an enum value that is the default",
        t('Column("x", Enum("a", "b", name="mood"), server_default="a")'),
        t('Column("x", Enum("a", "b", "c", name="mood"), server_default="c")'),
        rows=("INSERT INTO t (id, x) VALUES (1, 'b')",),
        query="SELECT x FROM t",
        expected=[["b"]],
    ),
    row(
        "remove an enum value",
        t('Column("x", Enum("a", "b", "c", name="mood"), server_default="a", index=True)'),
        t('Column("x", Enum("a", "b", name="mood"), server_default="a", index=True)'),
        outputs={"sqlite": "Nothing to migrate"},
        rows=("INSERT INTO t (id, x) VALUES (1, 'b')",),
        query="SELECT x FROM t",
        expected=[["b"]],
    ),
    row(
        "remove an enum value, where the default has a quote",
        t("""Column("x", Enum("don't", "b", "c", name="mood"), server_default="don't")"""),
        t("""Column("x", Enum("don't", "b", name="mood"), server_default="don't")"""),
        outputs={"sqlite": "Nothing to migrate"},
        rows=("INSERT INTO t (id, x) VALUES (1, 'b')", "INSERT INTO t (id) VALUES (2)"),
        query="SELECT x FROM t ORDER BY id",
        expected=[["b"], ["don't"]],
    ),
    row(
        "an enum value is renamed",
        t('Column("x", Enum("a", "b", name="mood"))'),
        t('Column("x", Enum("a", "c", name="mood"))'),
        outputs={"sqlite": "Nothing to migrate"},
    ),
    row(
        "string to enum",
        t('Column("x", String(10))'),
        t('Column("x", Enum("a", "b", name="mood"))'),
        rows=("INSERT INTO t (id, x) VALUES (1, 'b')",),
        query="SELECT x FROM t",
        expected=[["b"]],
    ),
    row(
        "enum to string",
        t('Column("x", Enum("a", "b", name="mood"))'),
        t('Column("x", String(10))'),
        rows=("INSERT INTO t (id, x) VALUES (1, 'b')",),
        query="SELECT x FROM t",
        expected=[["b"]],
    ),
    row(
        "H25 an enum with a check",
        t('Column("x", Enum("a", "b", name="mood", native_enum=False, create_constraint=True))'),
        t('Column("x", Enum("a", "c", name="mood", native_enum=False, create_constraint=True))'),
        rows=("INSERT INTO t (id, x) VALUES (1, 'a')",),
        query="SELECT x FROM t",
        expected=[["a"]],
    ),
    row(
        "H25 an enum with a check gets a longer value",
        t('Column("x", Enum("a", "b", name="mood", native_enum=False, create_constraint=True))'),
        t('Column("x", Enum("a", "b", "long", name="mood", native_enum=False, create_constraint=True))'),
    ),
    row(
        "add an enum with a check",
        t(),
        t('Column("x", Enum("a", "b", name="mood", native_enum=False, create_constraint=True))'),
    ),
    # Defaults
    row("add a default", t('Column("x", Integer)'), t('Column("x", Integer, server_default="5")')),
    row(
        "change a default",
        t('Column("x", String(9), server_default="a")'),
        t('Column("x", String(9), server_default="b")'),
    ),
    row("drop a default", t('Column("x", Integer, server_default="5")'), t('Column("x", Integer)')),
    row(
        "a default from text to function",
        t('Column("at", DateTime)'),
        t('Column("at", DateTime, server_default=func.now())'),
    ),
    row(
        "H26 defaults that are no difference",
        t(),
        t(
            "Column('a', String(40), server_default='')",
            'Column("b", String(40), server_default="it\'s 100% (\\"so\\")")',
            "Column('c', Integer, server_default='-5')",
            "Column('d', Boolean, server_default=sa.true())",
            "Column('e', Boolean, server_default=sa.false())",
            "Column('f', Numeric(8, 2), server_default='1.50')",
            "Column('g', DateTime, server_default=func.now())",
            "Column('h', Integer, server_default=text('0'))",
            "Column('i', Float, server_default='2.5')",
            "Column('j', Date, server_default='2026-01-01')",
            "Column('k', String(40), server_default='null')",
            "Column('l', String(40), server_default='now()')",
        ),
    ),
    row(
        "H26 defaults that are no difference on PostgreSQL",
        t(),
        t(
            'Column(\'a\', JSON, server_default=text("\'{\\"a\\": \\"50%\\"}\'"))',
            "Column('b', postgresql.JSONB, server_default='{\"it\\'s\": [1, 2]}')",
            "Column('c', DateTime, server_default=text('CURRENT_TIMESTAMP(6)'))",
            "Column('d', DateTime(timezone=True), server_default=text(\"timezone('utc', now())\"))",
            "Column('e', postgresql.ARRAY(Integer), server_default='{}')",
            "Column('f', Uuid, server_default=text('gen_random_uuid()'))",
            "Column('g', Interval, server_default=text(\"'1 day'\"))",
            "Column('h', String(9), server_default=text(\"'a'::character varying\"))",
        ),
        engines=("postgresql",),
    ),
    row(
        "H26 defaults that are no difference on MariaDB",
        t(),
        t(
            "Column('a', JSON, server_default=text(\"'{}'\"))",
            "Column('b', mysql.DATETIME(fsp=6), server_default=text('CURRENT_TIMESTAMP(6)'))",
            "Column('c', DateTime, server_default=text('CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP'))",
            "Column('d', String(40), server_default=text('(uuid())'))",
            "Column('e', Text, server_default='long')",
            "Column('f', Integer, server_default=text('(1 + 1)'))",
        ),
        engines=("mariadb",),
    ),
    row(
        "H26 defaults that are no difference on SQLite",
        t(),
        t(
            "Column('a', String, server_default=text(\"(lower('A'))\"))",
            "Column('b', String, server_default=text(\"(datetime('now', '+1 day'))\"))",
            "Column('c', JSON, server_default='{\"a\": \"50%\"}')",
        ),
        engines=("sqlite",),
    ),
    row(
        "H26 ON UPDATE",
        t('Column("at", DateTime, server_default=text("CURRENT_TIMESTAMP"))'),
        t('Column("at", DateTime, server_default=text("CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"))'),
        engines=("mariadb",),
    ),
    row(
        "H26 a default whose column has a JSON with quotes",
        t('Column("x", JSON, server_default=\'{"a": "it"}\')'),
        t('Column("x", JSON, server_default=\'{"b": "it\\\'s 5%"}\')'),
    ),
    # Computed and identity
    row(
        "a computed column is added",
        t(),
        t('Column("x", Integer, Computed("length(name)", persisted=True))'),
        query="SELECT id, x FROM t ORDER BY id",
        expected=[[1, 3], [2, 3]],
    ),
    row(
        "a computed column is dropped",
        t('Column("x", Integer, Computed("length(name)", persisted=True))'),
        t(),
    ),
    row(
        "H27 computed changed",
        t('Column("x", Integer, Computed("length(name)", persisted=True))'),
        t('Column("x", Integer, Computed("length(name) * 3", persisted=True))'),
        refused="computed",
    ),
    row(
        "H27 a column becomes computed",
        t('Column("x", Integer)'),
        t('Column("x", Integer, Computed("length(name) * 3", persisted=True))'),
        refused="computed",
    ),
    row(
        "H27 identity changed",
        bare("t", 'Column("id", Integer, Identity(always=True), primary_key=True)'),
        bare("t", 'Column("id", Integer, Identity(start=100), primary_key=True)'),
        engines=("postgresql",),
        refused="identity",
    ),
    row(
        "an identity that is no difference",
        PARENT,
        PARENT + bare("t", 'Column("id", Integer, Identity(start=10, increment=5), primary_key=True)'),
    ),
    # Indexes
    row("add an index", t(), t('Index(None, "name")')),
    row("drop an index", t('Index(None, "name")'), t()),
    row(
        "change an index",
        t('Column("x", Integer)', 'Index("ix_t_x", "x")'),
        t('Column("x", Integer)', 'Index("ix_t_x", "x", "name")'),
    ),
    row(
        "make an index unique", t('Index("ix_t_name", "name")'), t('Index("ix_t_name", "name", unique=True)')
    ),
    row(
        "H12 an expression index is added",
        t(),
        t('Index("ix_lower", text("lower(name)"))'),
        engines=("sqlite", "postgresql"),
    ),
    row(
        "H12 an expression index with a function",
        t(),
        t('Column("x", Integer)')
        + 'c = db.metadata.tables["t"].c\nIndex("ix_lower", func.lower(c.name), c.x.desc())\n',
        engines=("sqlite", "postgresql"),
    ),
    row(
        "H12 an expression index of a new table",
        PARENT,
        PARENT + t('Index("ix_lower", text("lower(name)"))'),
        engines=("sqlite", "postgresql"),
    ),
    row(
        "H12 an expression index is changed",
        t('Index("ix_expr", text("lower(name)"))'),
        t('Index("ix_expr", text("upper(name)"))'),
        engines=("sqlite", "postgresql"),
    ),
    row(
        "H12 an expression index is dropped",
        t('Index("ix_expr", text("lower(name)"))'),
        t(),
        engines=("sqlite", "postgresql"),
    ),
    row(
        "H12 a descending index",
        t('Index("ix_name", "name")'),
        t('Index("ix_name", text("name DESC"))'),
        engines=("sqlite", "postgresql"),
    ),
    row(
        "a partial index is added",
        t(),
        t('Index("ix_p", "name", sqlite_where=text("id > 1"), postgresql_where=text("id > 1"))'),
        engines=("sqlite", "postgresql"),
    ),
    row(
        "a partial index is changed",
        t('Index("ix_p", "name", sqlite_where=text("id > 1"), postgresql_where=text("id > 1"))'),
        t('Index("ix_p", "name", sqlite_where=text("id > 5"), postgresql_where=text("id > 5"))'),
        engines=("sqlite", "postgresql"),
    ),
    row(
        "a hash index",
        t('Index("ix_h", "name")'),
        t('Index("ix_h", "name", postgresql_using="hash")'),
        engines=("postgresql",),
    ),
    row(
        "an index that includes a column",
        t('Column("x", Integer)', 'Index("ix_h", "name")'),
        t('Column("x", Integer)', 'Index("ix_h", "name", postgresql_include=["x"])'),
        engines=("postgresql",),
    ),
    row(
        "an index of a prefix",
        t('Column("x", Text)'),
        t('Column("x", Text)', 'Index("ix_x", "x", mysql_length=20, mariadb_length=20)'),
    ),
    # Tables
    row("add a table", PARENT, PARENT + table("u", 'Column("name", String(50), index=True, unique=True)')),
    row("drop a table", PARENT + t('Column("x", Integer, index=True)'), PARENT, "--drop", "t"),
    row("H32 drop a table without a word", PARENT + t(), PARENT, refused="--drop t"),
    row(
        "add parent and child",
        PARENT,
        PARENT + table("a", 'Column("b_id", ForeignKey("b.id"), index=True)') + table("b"),
    ),
    row(
        "drop parent and child",
        PARENT + table("a", 'Column("b_id", ForeignKey("b.id"), index=True)') + table("b"),
        PARENT,
        *DROP_BOTH,
    ),
    row(
        "H39 drop the foreign key and its index",
        PARENT + t('Column("p_id", ForeignKey("p.id"), index=True)'),
        PARENT + t('Column("p_id", Integer)'),
        rows=FAMILY,
        query=NAMES,
        expected=BOTH,
    ),
    row("a self-reference", t(), t('Column("t_id", ForeignKey("t.id"), index=True)')),
    row(
        "a table with a self-reference", PARENT, PARENT + t('Column("t_id", ForeignKey("t.id"), index=True)')
    ),
    row(
        "circular foreign keys",
        PARENT,
        PARENT
        + table("a", 'Column("b_id", ForeignKey("b.id"))')
        + table("b", 'Column("a_id", ForeignKey("a.id"))'),
    ),
    row(
        "circular foreign keys with use_alter",
        PARENT,
        PARENT
        + table("a", 'Column("b_id", ForeignKey("b.id", use_alter=True))')
        + table("b", 'Column("a_id", ForeignKey("a.id"))'),
    ),
    row(
        "circular foreign keys are dropped",
        PARENT
        + table("a", 'Column("b_id", ForeignKey("b.id"))')
        + table("b", 'Column("a_id", ForeignKey("a.id"))'),
        PARENT,
        *DROP_BOTH,
    ),
    row(
        "circular foreign keys between old tables",
        table("p") + t(),
        table("p", 'Column("t_id", ForeignKey("t.id"))') + t('Column("p_id", ForeignKey("p.id"))'),
    ),
    row(
        "a composite primary key",
        PARENT,
        PARENT
        + bare(
            "c",
            'Column("a", Integer, primary_key=True)',
            'Column("b", String(9), primary_key=True)',
            'Column("x", Integer)',
        ),
    ),
    row(
        "a composite foreign key",
        bare("c", 'Column("a", Integer, primary_key=True)', 'Column("b", Integer, primary_key=True)') + t(),
        bare("c", 'Column("a", Integer, primary_key=True)', 'Column("b", Integer, primary_key=True)')
        + t(
            'Column("a", Integer)', 'Column("b", Integer)', 'ForeignKeyConstraint(["a", "b"], ["c.a", "c.b"])'
        ),
    ),
    row(
        "many to many",
        PARENT + t(),
        PARENT
        + t()
        + bare(
            "pt",
            'Column("p_id", ForeignKey("p.id"), primary_key=True)',
            'Column("t_id", ForeignKey("t.id"), primary_key=True, index=True)',
        ),
        rows=FAMILY,
        query=NAMES,
        expected=BOTH,
    ),
    row(
        "H29 another primary key",
        bare("t", 'Column("id", Integer, primary_key=True)', 'Column("x", Integer, nullable=False)'),
        bare("t", 'Column("id", Integer, primary_key=True)', 'Column("x", Integer, primary_key=True)'),
        refused="primary key",
    ),
    row(
        "H29 a sequence",
        PARENT,
        PARENT + 'Sequence("numbers", start=7, metadata=db.metadata)\n',
        engines=("postgresql",),
    ),
    row(
        "H29 a sequence changed",
        PARENT + 'Sequence("numbers", increment=7, metadata=db.metadata)\n',
        PARENT + 'Sequence("numbers", increment=9, metadata=db.metadata)\n',
        engines=("postgresql",),
        refused="sequence",
    ),
    row(
        "H29 an exclusion constraint changed",
        t('Column("r", postgresql.INT4RANGE)', 'postgresql.ExcludeConstraint(("r", "&&"), name="apart")'),
        t('Column("r", postgresql.INT4RANGE)', 'postgresql.ExcludeConstraint(("r", "="), name="apart")'),
        engines=("postgresql",),
        refused="EXCLUDE",
    ),
    row(
        "H34 a table in a schema of its own",
        PARENT,
        PARENT + table("s", 'schema="other"'),
        engines=("postgresql",),
    ),
    row(
        "H35 a view mapped as a model",
        PARENT,
        PARENT + table("v", 'info={"is_view": True}'),
        refused="Nothing to migrate",
    ),
    row(
        "hundred tables",
        PARENT,
        PARENT
        + "for n in range(100):\n    "
        + table("many", 'Column("x", Integer, index=True)').replace("'many'", "f'many_{n}'"),
        query="SELECT count(*) FROM many_99",
        expected=[[0]],
    ),
    # Comments
    row(
        "H41 comments",
        t('Column("x", Integer, comment="old")'),
        t('Column("x", Integer, comment="it\'s 100%")', 'comment="all of them"'),
        engines=SERVERS,
    ),
    row(
        "H41 comments are dropped",
        t('Column("x", Integer, comment="old")', 'comment="all of them"'),
        t('Column("x", Integer)'),
        engines=SERVERS,
    ),
    # Several at once
    row(
        "add, drop and retype at once",
        t('Column("x", Integer)', 'Column("y", String(9), index=True)'),
        t('Column("x", BigInteger, index=True)', 'Column("z", String(9), server_default="z")'),
        "--drop",
        "t.y",
    ),
    row(
        "a new table and a foreign key to it",
        t(),
        t('Column("p_id", ForeignKey("p.id"), index=True)') + PARENT,
    ),
    row(
        "a dropped table and the foreign key to it",
        t('Column("p_id", ForeignKey("p.id"), index=True)') + PARENT,
        t(),
        "--drop",
        "p",
    ),
    row(
        "everything at once",
        PARENT
        + t(
            'Column("x", Integer, server_default="1")',
            'Column("p_id", ForeignKey("p.id"))',
            'CheckConstraint("x > 0", name="positive")',
            'Index("ix_two", "name", "x")',
        ),
        t(
            'Column("x", BigInteger, server_default="2", index=True)',
            'Column("q_id", ForeignKey("q.id"))',
            'CheckConstraint("x > 1", name="positive")',
            'UniqueConstraint("name", "x")',
        )
        + table("q"),
        "--drop",
        "p",
        "--drop",
        "t.p_id",
        rows=(FAMILY[0], "INSERT INTO t (id, name, x) VALUES (1, 'one', 5)"),
        query=NAMES,
        expected=[[1, "one"]],
    ),
    row(
        "names that need quotes",
        table("order", 'Column("select", Integer)'),
        table(
            "order",
            'Column("select", BigInteger, index=True)',
            'Column("Mixed Case", String(9), server_default="x")',
        ),
    ),
]
