"""Conditions of the proof and of the comparison that other tests do not reach."""

import pytest
import sqlalchemy as sa
from alembic.operations import ops
from histories import ITEM, newest, write_revision

from flask_safe_migrations.autogenerate.compare.enums import _renamed
from flask_safe_migrations.runtime import progress
from flask_safe_migrations.verification.expectations import Expectations
from flask_safe_migrations.verification.sample_rows import SampleRows, _sort_tables, insert_sample_rows

MODEL = """
class Item(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(80){})
"""
INDEX = """
def upgrade():
    op.create_index("ix_item_name", "item", ["name"])
def downgrade():
    op.drop_index("ix_item_name", "item")
"""


def test_rows_are_checked_unless_the_database_is_empty(project, monkeypatch):
    checked = []

    class Watched(progress.Preconditions):
        def guard(self, function):
            checked.append(self.step.revision.revision)
            return super().guard(function)

    monkeypatch.setattr(progress, "Preconditions", Watched)
    write_revision(project, "start", ITEM)
    project.flask("upgrade")
    assert checked == []
    write_revision(project, "index", INDEX)
    project.flask("upgrade")
    assert checked == ["index"]


def test_a_check_of_rows_prints_nothing_of_its_own(project, caplog):
    """It renders the revision as SQL, of which Alembic would announce "Generating static SQL"."""
    write_revision(project, "start", ITEM)
    project.flask("upgrade")
    write_revision(project, "index", INDEX)
    with caplog.at_level("INFO", logger="alembic.runtime.migration"):
        output = project.flask("upgrade")
    assert "index (index)" in output
    assert "static SQL" not in caplog.text + output


@pytest.fixture
def connection():
    with sa.create_engine("sqlite://").connect() as connection:
        yield connection


def make_tables(*definitions):
    metadata = sa.MetaData()
    return [sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True)) for name in definitions]


def test_a_table_comes_after_the_one_to_which_the_revision_will_point_it():
    child, parent = make_tables("child", "parent")
    assert _sort_tables([child, parent], []) == [child, parent]
    keys = [("child", ("parent_id",), "parent", ("id",))]
    assert _sort_tables([child, parent], keys) == [parent, child]
    both = [*keys, ("parent", ("child_id",), "child", ("id",))]
    assert set(_sort_tables([child, parent], both)) == {child, parent}


def test_rows_are_inserted_in_that_order(connection):
    connection.exec_driver_sql("CREATE TABLE child (parent_id INTEGER)")
    connection.exec_driver_sql("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    expected = Expectations()
    expected.keys.add(("child", ("parent_id",), "parent", ("id",)))
    inserted = []

    @sa.event.listens_for(connection, "before_cursor_execute")
    def record(_connection, _cursor, statement, *_):
        inserted.extend(statement.split()[2:3] if statement.startswith("INSERT") else [])

    tables = [(None, "child"), (None, "parent")]
    insert_sample_rows(connection, sa.MetaData(), tables, tables, limit=9, expected=expected)
    assert list(dict.fromkeys(inserted)) == ["parent", "child"]


def test_a_key_is_one_of_the_table_to_which_the_revision_points_the_column(connection):
    connection.exec_driver_sql("CREATE TABLE other (id INTEGER)")
    connection.exec_driver_sql("INSERT INTO other VALUES (2), (3)")
    expected = Expectations()
    rows = SampleRows(connection, sa.MetaData(), expected)
    column = sa.Column("other_id", sa.Integer)
    sa.Table("child", sa.MetaData(), column)
    assert rows._keep_later_keys(column, [1, 2]) == [1, 2]
    expected.keys.add(("child", ("other_id",), "other", ("id",)))
    assert rows._keep_later_keys(column, [1, 2]) == [2]
    assert rows._keep_later_keys(column, [1]) == [1]  # better than none
    connection.exec_driver_sql("CREATE TABLE first (id INTEGER PRIMARY KEY)")
    connection.exec_driver_sql("INSERT INTO first VALUES (1), (2)")
    metadata = sa.MetaData()
    sa.Table("first", metadata, sa.Column("id", sa.Integer, primary_key=True))
    child = sa.Table("child", metadata, sa.Column("other_id", sa.ForeignKey("first.id")))
    assert {rows._make_value(child.c.other_id, number, large=False) for number in range(3)} == {2}
    expected.keys.clear()
    expected.keys.add(("child", ("other_id",), "not there yet", ("id",)))
    assert rows._keep_later_keys(column, [1, 2]) == [1, 2]


def test_what_a_revision_inserts_itself_is_not_expected():
    (item,) = make_tables("item")
    expected = Expectations()
    expected.add("UPDATE item SET name = 'x' WHERE id = 7", None)
    assert expected.find_rows([item]) == {"item": [{"id": 7}]}
    expected.add("INSERT INTO item (id) VALUES (7)", None)
    assert expected.find_rows([item]) == {}


UNIQUE = """
def upgrade():
    op.drop_index("uq_item_name", "item")
def downgrade():
    repeated = sa.text("SELECT count(name) - count(DISTINCT name) FROM item")
    if op.get_bind().scalar(repeated):
        raise NotImplementedError("a name may occur twice")
    op.create_index("uq_item_name", "item", ["name"], unique=True)
"""


def test_after_a_refused_downgrade_the_shadow_database_is_not_built_again(project, monkeypatch):
    from flask_safe_migrations.backends.sqlite import SQLite

    index = '\n    op.create_index("uq_item_name", "item", ["name"], unique=True)\ndef downgrade'
    write_revision(project, "start", ITEM.replace("\ndef downgrade", index))
    project.models = MODEL.format("")
    write_revision(project, "unique", UNIQUE)
    resets = []
    monkeypatch.setattr(SQLite, "reset", lambda self: resets.append(self))
    assert "Proved" in project.flask("new", "--prove")
    assert resets == []


ENUM = """
class Item(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    mood = db.Column(
        db.Enum("happy", "sad", name="mood", native_enum=False, create_constraint=True), nullable={}
    )
    size = db.Column(db.Integer, nullable={})
    __table_args__ = (db.CheckConstraint("size > 10", name="size"),)
"""


def test_a_way_back_to_not_null_fills_an_enum_and_no_column_with_a_check(project):
    """Every column of an Enum has a CHECK, which permits its first member; another CHECK may permit none."""
    project.models = ENUM.format(False, False)
    project.flask("new", "-m", "first")
    project.models = ENUM.format(True, True)
    project.flask("new", "-m", "loosened")
    text = newest(project).read_text()
    assert "SET mood='happy' WHERE" in text
    assert "SET size" not in text


def change_types(*pairs):
    """An upgrade in which columns change from one enum type to another."""
    steps = [
        ops.ModifyTableOps(
            f"t{number}",
            [
                ops.AlterColumnOp(
                    f"t{number}",
                    "mood",
                    existing_type=sa.Enum("a", name=old, schema=schemas[0] if schemas else None),
                    modify_type=sa.Enum("a", name=new, schema=schemas[1] if schemas else None),
                )
            ],
        )
        for number, (old, new, *schemas) in enumerate(pairs)
    ]
    return ops.UpgradeOps(steps)


@pytest.mark.parametrize(
    ("pairs", "is_renamed"),
    [
        ([("old", "new")], True),
        ([("old", "new"), ("old", "new")], True),
        ([("old", "new"), ("old", "another")], False),
        ([("old", "new"), ("another", "new")], False),
        ([("old", "new", None, "log")], False),
        ([("kept", "new")], False),
        ([("old", "there")], False),
    ],
)
def test_an_enum_type_is_renamed_if_all_its_columns_get_one_new_type(pairs, is_renamed):
    upgrade = change_types(*pairs)
    schemas = {schema for _, _, *given in pairs for schema in given} | {None}
    removed = {(schema, name) for schema in schemas for name in ("old", "another")}
    added = {(schema, name) for schema in schemas for name in ("new", "another")}
    assert bool(_renamed(upgrade, removed, added)) == is_renamed
    assert bool(upgrade.ops) != is_renamed  # the columns have the same type, under another name


def test_a_column_that_becomes_text_is_changed_although_the_type_of_another_is_renamed():
    upgrade = change_types(("old", "new"), ("old", "new"))
    upgrade.ops[1].ops[0].modify_type = sa.String(20)
    assert _renamed(upgrade, {(None, "old")}, {(None, "new")}) == {(None, "old"): (None, "new")}
    (table,) = upgrade.ops
    assert table.table_name == "t1"
    assert isinstance(table.ops[0].modify_type, sa.String)


BROKEN = """
def upgrade():
    op.create_table("item", sa.Column("id", sa.Integer, primary_key=True))
def downgrade():
    pass
"""


@pytest.mark.parametrize("is_old", [True, False])
def test_a_revision_that_does_not_pass_is_called_old_if_others_follow(project, is_old):
    project.models = MODEL.format("")
    write_revision(project, "broken", BROKEN)
    if is_old:
        write_revision(project, "after", INDEX.replace('["name"]', '["id"]'))
    output = project.run("verify").output
    assert "✗ every revision runs up, down and up again" in output
    assert ("MIGRATION_CHECK_AFTER" in output) == is_old


@pytest.mark.parametrize(
    ("statement", "before"),
    [
        ("ALTER TABLE person RENAME phone TO mobile", ("person", "phone")),
        ('ALTER TABLE "person" RENAME COLUMN "phone" TO "mobile"', ("person", "phone")),
        ("ALTER TABLE `shop`.`person` CHANGE COLUMN `phone` `mobile` VARCHAR(20)", ("person", "phone")),
        ("ALTER TABLE human RENAME TO person", ("human", "mobile")),
        ("RENAME TABLE `human` TO `person`", ("human", "mobile")),
        ("ALTER TABLE person RENAME INDEX phone TO mobile", ("person", "mobile")),
        ("ALTER TABLE _alembic_tmp_person RENAME TO person", ("person", "mobile")),
    ],
)
def test_a_type_is_found_under_the_name_before_a_rename(statement, before):
    expected, engine = Expectations(), sa.create_engine("sqlite://")
    expected.add(statement, None)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE person (mobile VARCHAR(20))")
        expected.add_schema(connection, [(None, "person")])
    assert {names: kind.length for names, kind in expected.types.items()} == {before: 20}
