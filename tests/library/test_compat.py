"""Each private part of Alembic and SQLAlchemy that the library uses does what it is used for."""

import inspect
from datetime import datetime
from pathlib import Path

import alembic.context
import pytest
import sqlalchemy as sa
from alembic import op
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.ddl.impl import DefaultImpl
from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations import Operations, ops
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql, sqlite

from flask_safe_migrations import _compat
from flask_safe_migrations.backends.sqlite.alter_table import InPlaceImpl
from flask_safe_migrations.revisions import files

REVISION = 'revision = "{}"\ndown_revision = {!r}\nbranch_labels = {!r}\ndepends_on = {!r}\n'
REVISION += "def upgrade(): ...\ndef downgrade(): ...\n"


@pytest.fixture
def script(tmp_path: Path) -> ScriptDirectory:
    """a ← b ← d, and c, which d depends on."""
    (tmp_path / "env.py").touch()
    versions = tmp_path / "versions"
    versions.mkdir()
    chain = {
        "a": (None, "main", None),
        "b": ("a", None, None),
        "c": (None, None, None),
        "d": ("b", None, "c"),
    }
    for name, values in chain.items():
        (versions / f"{name}.py").write_text(REVISION.format(name, *values))
    return ScriptDirectory(str(tmp_path), file_template="%%(year)d_%%(rev)s_%%(slug)s".replace("%%", "%"))


def test_steps(script):
    up = _compat.upgrade_steps(script, "b", ())
    assert [step.revision.revision for step in up] == ["a", "b"]
    down = _compat.downgrade_steps(script, "a", ("b",))
    assert [step.revision.revision for step in down] == ["b"]


def test_destination(script):
    with EnvironmentContext(Config(), script, destination_rev="-1"):
        assert _compat.destination(alembic.context) == "-1"


def test_revisions(script):
    assert {"a", "b", "c", "d"} <= set(_compat.known_revisions(script))
    last = script.get_revision("d")
    assert set(_compat.parents(last)) == {"b"}
    assert set(_compat.parents_and_dependencies(last)) == {"b", "c"}
    assert set(_compat.own_branch_labels(script.get_revision("a"))) == {"main"}
    assert set(_compat.own_branch_labels(last)) == set()


def test_the_length_of_an_id():
    migration = MigrationContext.configure(dialect_name="mysql")
    assert _compat.version_id_length(migration) == files.ID_LENGTH


def test_files(script, tmp_path):
    assert [Path(folder) for folder in _compat.version_folders(script)] == [tmp_path / "versions"]
    path = _compat.revision_path(script, tmp_path, "abc", "Add a table", datetime(2026, 1, 2))
    assert path == tmp_path / "2026_abc_add_a_table.py"
    assert abs((_compat.creation_date(script) - datetime.now()).total_seconds()) < 60


@pytest.fixture
def context() -> AutogenContext:
    migration = MigrationContext.configure(dialect_name="sqlite")
    options = {"sqlalchemy_module_prefix": "sa.", "alembic_module_prefix": "op.", "user_module_prefix": None}
    options |= {"render_item": None, "render_as_batch": False}
    return AutogenContext(migration, opts=options)


def test_rendering(context):
    column = sa.Column("x", sa.Integer())
    body = _compat.render_operations(ops.UpgradeOps([ops.AddColumnOp("t", column)]), context)
    assert "op.add_column('t', sa.Column('x', sa.Integer()" in body
    change = ops.AlterColumnOp("t", "x", existing_type=sa.Integer(), modify_nullable=False)
    assert _compat.render_alter_column(context, change).startswith("op.alter_column('t', 'x'")
    assert _compat.render_type(sa.String(5), context) == "sa.String(length=5)"


def test_names_of_constraints():
    metadata = sa.MetaData(naming_convention={"uq": "uq_%(table_name)s_%(column_0_name)s"})
    table = sa.Table("t", metadata, sa.Column("x", sa.Integer), sa.UniqueConstraint("x"))
    (unique,) = [each for each in table.constraints if isinstance(each, sa.UniqueConstraint)]
    assert _compat.constraint_name(unique, sqlite.dialect()) == "uq_t_x"
    assert _compat.constraint_name(sa.UniqueConstraint("y"), sqlite.dialect()) is None


def test_shallow_copy():
    kind = sa.String(20, collation="C")
    copied = _compat.shallow_copy(kind)
    assert copied is not kind and repr(copied) == repr(kind)
    vars(copied).update(collation=None)
    assert kind.collation == "C"


def test_identity():
    impl = MigrationContext.configure(dialect_name="postgresql").impl
    same, other = sa.Identity(start=1), sa.Identity(start=5)
    assert not _compat.identity_differs(impl, same, sa.Identity(start=1))
    assert _compat.identity_differs(impl, same, other)


def test_columns_and_tables():
    metadata = sa.MetaData()
    key, other = sa.Column("id", sa.Integer, primary_key=True), sa.Column("t_id", sa.ForeignKey("t.id"))
    table = sa.Table("t", metadata, key, other)
    copied = _compat.copy_column(key)
    assert copied.table is None and copied.name == "id"
    assert _compat.is_autoincrement(key) and not _compat.is_autoincrement(other)
    assert [_compat.referenced_column(each) for each in other.foreign_keys] == ["t.id"]
    _compat.set_prefixes(table, "TEMPORARY")
    assert "CREATE TEMPORARY TABLE" in str(sa.schema.CreateTable(table))
    sequence = sa.Sequence("numbers", metadata=metadata)
    assert _compat.sequences(metadata) == {"numbers": sequence}


def test_the_check_of_a_boolean():
    table = sa.Table("t", sa.MetaData(), sa.Column("x", sa.Boolean(name="b", create_constraint=True)))
    (check,) = [each for each in table.constraints if isinstance(each, sa.CheckConstraint)]
    for dialect, created in ((sqlite.dialect(), True), (postgresql.dialect(), False)):
        assert _compat.is_created(check, dialect.ddl_compiler(dialect, None)) is created
    assert _compat.is_created(sa.CheckConstraint("x > 0"), None)


def test_types():
    assert _compat.have_one_affinity(sa.Integer(), sa.BigInteger())
    assert not _compat.have_one_affinity(sa.Integer(), sa.String())
    assert _compat.type_affinity(sa.BigInteger()) is sa.Integer
    assert _compat.is_null_type(sa.null().type) and not _compat.is_null_type(sa.Integer())


def test_percent_signs():
    from sqlalchemy.dialects.mysql import pymysql

    assert _compat.doubles_percents(pymysql.dialect().identifier_preparer)
    assert not _compat.doubles_percents(sqlite.dialect().identifier_preparer)


def test_the_end_of_a_batch(monkeypatch):
    found = []

    def requires_recreate(_self, _batch):
        found.append(_compat.is_flushing_batch())
        return True

    monkeypatch.setattr(DefaultImpl, "requires_recreate_in_batch", requires_recreate)
    monkeypatch.setattr(SQLiteImpl, "requires_recreate_in_batch", requires_recreate)
    monkeypatch.setattr(InPlaceImpl, "requires_recreate_in_batch", requires_recreate)
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")
        with Operations(MigrationContext.configure(connection)).batch_alter_table("t") as batch:
            batch.add_column(sa.Column("b", sa.Integer), insert_before="a")
    assert found == [False, True]


def test_each_function_is_tested():
    names = {name for name, _ in inspect.getmembers(_compat, inspect.isfunction)}
    own = {name for name in names if getattr(_compat, name).__module__ == _compat.__name__}
    source = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in own if f"_compat.{name}(" not in source} == set()


def test_use_operations():
    migration = MigrationContext.configure(dialect_name="sqlite", opts={"as_sql": True})
    outer, inner = Operations(migration), Operations(migration)
    with _compat.use_operations(outer):
        with _compat.use_operations(inner):
            assert op.f("x") == "x"
            assert vars(op)["_proxy"] is inner
        assert vars(op)["_proxy"] is outer


def test_variants_and_domains():
    context = AutogenContext(
        MigrationContext.configure(dialect_name="sqlite"),
        opts={"sqlalchemy_module_prefix": "sa.", "user_module_prefix": None},
    )
    kind = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    assert isinstance(_compat.variants(kind)["postgresql"], postgresql.JSONB)
    _compat.clear_variants(kind)
    assert _compat.variants(kind) == {}
    domain = postgresql.DOMAIN("posint", sa.Integer(), check="VALUE > 0")
    text = "postgresql.DOMAIN('posint', sa.Integer(), check='VALUE > 0')"
    assert _compat.render_domain(domain, context) == text


def test_the_check_of_a_type():
    table = sa.Table("t", sa.MetaData(), sa.Column("ok", sa.Boolean(create_constraint=True, name="ok")))
    table.append_constraint(sa.CheckConstraint("ok > 0", name="more"))
    checks = sorted(table.constraints, key=lambda constraint: str(constraint.name))
    checks = [check for check in checks if isinstance(check, sa.CheckConstraint)]
    assert [_compat.belongs_to_type(check) for check in checks] == [False, True]
