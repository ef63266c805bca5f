"""Every message of the safety report: what is wrong, why it is dangerous, and the safe code to write instead.

{table}, {column} and the like are filled in with the names of the revision. {sql_table} and the like are
quoted where SQL requires that, for a Python string in double quotes. A dictionary holds what differs between
engines, by the title of the engine; "" is for all others.
"""

from dataclasses import dataclass
from typing import Any

Text = str | dict[str, str]

GONE = "Its data is gone, a downgrade brings back an empty one, and code that still runs fails."
NOT_YET = (
    "Take {thing} out of the models and deploy that first. When no running code names it any more, drop it "
    "and say so:\n# safe: drops {thing}, unused since …"
)
STEPWISE = (
    "Add {new} beside it, let the code write both, copy the old values in batches\n"
    '(`flask db new -m "…" --data 1`), let the code read {new}, deploy, then drop {thing}.'
)
SCAN = "All rows are read under a lock that keeps everybody out."


@dataclass(frozen=True)
class Message:
    what: str
    why: Text
    instead: Text


MESSAGES: dict[str, Message] = {
    "drop_column": Message("drops column {thing}", GONE, NOT_YET),
    "drop_table": Message("drops table {thing}", GONE, NOT_YET),
    "remove_enum_value": Message(
        "takes {values} out of the values of {thing}",
        "Rows that hold it make the migration fail or lose it, and code that still runs writes it.",
        "Let the code stop writing it, deploy, then replace it in batches:\n"
        "UPDATE … SET … = '…' WHERE … = {values};\nthen take the value out in a revision of its own.",
    ),
    "rename_column": Message(
        "renames column {thing} to {new}", "Code that still runs asks for the old name and fails.", STEPWISE
    ),
    "rename_table": Message(
        "renames table {thing} to {new}",
        "Code that still runs asks for the old name and fails.",
        {
            "": 'Leave a view under the old name until the deployment is over:\nop.rename_table("{name}", '
            '"{new}"{schema})\nop.execute("CREATE VIEW {sql_thing} AS SELECT * FROM {sql_new}")',
            "SQLite": "A view is read-only here: stop the application while it is migrated, and say so:\n"
            "# safe: nothing runs meanwhile",
        },
    ),
    "required_column": Message(
        "adds the required column {thing} without a default",
        {
            "": "It fails as soon as the table holds a row, and code that still runs does not fill it in.",
            "MariaDB": "The rows that are there get 0, '' or 0000-00-00, and code that still runs does not "
            "fill it in.",
        },
        'Give it a default: sa.Column("{column}", …, server_default="…", nullable=False);\n'
        "or add it nullable, fill it in batches, and make it NOT NULL in a later revision.",
    ),
    "no_more_null": Message(
        "makes {thing} required",
        "Code that still runs and leaves it empty fails.",
        "Deploy code that always fills it in, then make it required, and say so:\n"
        "# safe: all code fills in {thing} since …",
    ),
    "no_more_default": Message(
        "drops the default of the required column {thing}",
        "Code that still runs and leaves it to the database fails.",
        "Deploy code that always fills it in, then drop the default, and say so:\n"
        "# safe: all code fills in {thing} since …",
    ),
    "other_type": Message(
        "changes the type of {thing} from {old} to {new}",
        "Code that still runs reads and writes values of the old type.",
        "Add a column of the new type, let the code write both, copy the values in batches\n"
        '(`flask db new -m "…" --data 1`), let the code read the new one, deploy, then drop {thing}.',
    ),
    "new_constraint": Message(
        "adds {thing} on {table}",
        "Code that still runs does not know of it, and fails where it writes what is refused now.",
        "Deploy code that keeps to it, then add it, and say so:\n# safe: all code keeps to it since …",
    ),
    "set_not_null": Message(
        "makes {thing} required",
        {
            "": f"A NULL in it makes it fail. {SCAN}",
            "MariaDB": "A NULL in it makes it fail, and the table is rebuilt.",
        },
        {
            "PostgreSQL": 'op.create_check_constraint(op.f("ck_{name}_{column}_not_null"), "{name}", '
            '"{sql_column} IS NOT NULL"{schema}, postgresql_not_valid=True)\n'
            "and in the next revision:\n"
            'op.execute("ALTER TABLE {sql_table} VALIDATE CONSTRAINT {sql_not_null}")\n'
            'op.alter_column("{name}", "{column}", existing_type=…, nullable=False{schema})\n'
            'op.drop_constraint(op.f("ck_{name}_{column}_not_null"), "{name}", type_="check"{schema})',
            "": "See that no NULL is left, then do it while few write, and say so:\n# safe: {table} is small",
        },
    ),
    "change_type": Message(
        "changes the type of {thing} from {old} to {new}",
        {
            "": "The whole table is rewritten, and nobody can read or write it meanwhile.",
            "MariaDB": "The whole table is copied, and nobody can write it meanwhile.",
        },
        "Add a column of the new type, let the code write both, copy the values in batches\n"
        '(`flask db new -m "…" --data 1`), let the code read the new one, deploy, then drop {thing}.',
    ),
    "narrow_type": Message(
        "changes the type of {thing} from {old} to {new}",
        {
            "": "A value that does not fit makes it fail, or is cut.",
            "SQLite": "A value that cannot be converted is lost; one that is too long is kept, and fits no "
            "server later.",
        },
        "Look for values that do not fit, correct them in batches, and say so:\n"
        "# safe: no {thing} is longer, looked on …",
    ),
    "index": Message(
        "creates index {thing} on {table}",
        {"": "Nobody can write to the table until the index is built.", "MariaDB": "{reason}."},
        {
            "PostgreSQL": "In a revision of its own:\nwith op.get_context().autocommit_block():\n"
            '    op.create_index("{thing}", "{name}", [{columns}]{options}, postgresql_concurrently=True)',
            "": "Do it while few write, and say so:\n# safe: {table} is small",
        },
    ),
    "index_in_transaction": Message(
        "creates or drops index {thing} CONCURRENTLY inside a transaction",
        "PostgreSQL refuses that.",
        "with op.get_context().autocommit_block():\n    op.create_index(…, postgresql_concurrently=True)",
    ),
    "index_beside_others": Message(
        "creates or drops index {thing} CONCURRENTLY beside other statements",
        "It commits what comes before it; when it fails, half of the revision is applied and an invalid "
        "index stays.",
        "Put it into a revision of its own.",
    ),
    "foreign_key": Message(
        "adds foreign key {thing} on {table}",
        {
            "": "Both tables are locked against writing while all rows are checked.",
            "MariaDB": "The table is copied while nobody can write to it ({reason}).",
        },
        {
            "PostgreSQL": 'op.create_foreign_key("{thing}", "{name}", "{referred}", [{columns}], '
            "[{referred_columns}]{options}, postgresql_not_valid=True)\n"
            "and in the next revision:\n"
            'op.execute("ALTER TABLE {sql_table} VALIDATE CONSTRAINT {sql_thing}")',
            "": "See that no row refers to nothing (SELECT … LEFT JOIN … WHERE … IS NULL), then:\n"
            'op.execute("SET SESSION foreign_key_checks = 0")\nop.create_foreign_key(…)\n'
            'op.execute("SET SESSION foreign_key_checks = 1")',
        },
    ),
    "check": Message(
        "adds check {thing} on {table}",
        {"": SCAN, "MariaDB": "The whole table is copied, and nobody can write it meanwhile."},
        {
            "PostgreSQL": 'op.create_check_constraint(op.f("{thing}"), "{name}", "…"{schema}, '
            "postgresql_not_valid=True)\n"
            "and in the next revision:\n"
            'op.execute("ALTER TABLE {sql_table} VALIDATE CONSTRAINT {sql_thing}")',
            "": "Do it while few write, and say so:\n# safe: {table} is small",
        },
    ),
    "unique": Message(
        "adds unique constraint {thing} on {table}",
        {"": "Nobody can read or write the table until its index is built.", "MariaDB": "{reason}."},
        {
            "PostgreSQL": "In a revision of its own:\nwith op.get_context().autocommit_block():\n"
            '    op.create_index("{thing}", "{name}", [{columns}]{options}, unique=True, '
            "postgresql_concurrently=True)\n"
            "and in the next:\n"
            'op.execute("ALTER TABLE {sql_table} ADD CONSTRAINT {sql_thing} UNIQUE USING INDEX {sql_thing}'
            '{deferrable}")',
            "": "Do it while few write, and say so:\n# safe: {table} is small",
        },
    ),
    "exclude": Message(
        "adds exclusion constraint {thing} on {table}",
        "Nobody can read or write the table until its index is built, and it cannot be added unchecked.",
        "Do it while few are there, and say so:\n# safe: {table} is small",
    ),
    "validated_at_once": Message(
        "adds a constraint NOT VALID and validates it in the same transaction",
        "The lock of the first statement is held while all rows are checked, as without NOT VALID.",
        "Put VALIDATE CONSTRAINT into the next revision.",
    ),
    "primary_key": Message(
        "changes the primary key of {table}",
        {
            "": "An index is built, and nobody can read or write the table meanwhile.",
            "MariaDB": "The whole table is rebuilt in the new order.",
        },
        {
            "PostgreSQL": "Make its columns NOT NULL and build the index first, in a revision of its own:\n"
            "with op.get_context().autocommit_block():\n"
            '    op.create_index("pk_{name}", "{name}", […]{schema}, unique=True, '
            "postgresql_concurrently=True)\n"
            "and in the next:\n"
            'op.execute("ALTER TABLE {sql_table} DROP CONSTRAINT …, '
            'ADD PRIMARY KEY USING INDEX {sql_primary_key}")',
            "": "Do it while few are there, and say so:\n# safe: {table} is small",
        },
    ),
    "volatile_default": Message(
        "adds column {thing} with a default that differs from row to row",
        "The whole table is rewritten, and nobody can use it meanwhile.",
        'op.add_column("{name}", sa.Column("{column}", …){schema})\n'
        'op.alter_column("{name}", "{column}", server_default=sa.text("…"){schema})\n'
        'and fill in the old rows in batches (`flask db new -m "…" --data 1`).',
    ),
    "stored_generated": Message(
        "adds the stored generated column {thing}",
        "The whole table is rewritten, and nobody can use it meanwhile.",
        "Add a plain column, let the code or a trigger write it, and fill in the old rows in batches\n"
        '(`flask db new -m "…" --data 1`); or compute it when it is read (persisted=False).',
    ),
    "serial": Message(
        "adds column {thing}, numbered by the database",
        "The whole table is rewritten, and nobody can use it meanwhile.",
        'op.add_column("{name}", sa.Column("{column}", sa.BigInteger()){schema})\n'
        "then a sequence as its default, and numbers for the old rows in batches "
        '(`flask db new -m "…" --data 1`).',
    ),
    "json": Message(
        "gives {thing} the type json",
        "It has no equality: SELECT DISTINCT and GROUP BY on the table fail.",
        "from sqlalchemy.dialects.postgresql import JSONB, and JSONB() for the type.",
    ),
    "blocks": Message(
        "alters {table} in a way that blocks",
        "The server says: {reason}. Nobody can write to the table meanwhile.",
        "Do it while few write, and say so:\n# safe: {table} is small",
    ),
    "update_without_batches": Message(
        "updates all rows of {table} at once",
        "Every row stays locked until the whole statement is committed.",
        'In batches, in a revision of its own: `flask db new -m "…" --data 1`',
    ),
    "update_beside_ddl": Message(
        "changes rows in the same revision as the schema",
        "The locks of the schema change are held until the last row is written.",
        'In a revision of its own: `flask db new -m "…" --data 1`',
    ),
    "delete_rows": Message(
        "deletes rows of {table}",
        "They are gone, and a downgrade does not bring them back.",
        "Keep a copy (`flask db backup`), delete in batches, and say so:\n# safe: …",
    ),
    "raw_sql": Message(
        "runs SQL that cannot be judged: {thing}",
        "Whether it blocks, breaks running code or loses data is known to its author only.",
        "An operation of `op`, where there is one; else say why it is safe:\n# safe: …",
    ),
    "index_of_foreign_key": Message(
        "drops {thing}, which the foreign key {key} of {table} needs",
        "MariaDB refuses with error 1553 or 1828.",
        'The foreign key first: op.drop_constraint("{key}", "{table}", type_="foreignkey")',
    ),
    "no_downgrade": Message(
        "cannot be taken back: downgrade() does nothing",
        "`flask db downgrade` would report success, and the schema would be another than the code expects.",
        'Write it; or, where it cannot be undone:\nraise NotImplementedError("the dropped values are gone")',
    ),
}


def fill_in(text: Text, engine: str, names: dict[str, Any]) -> str:
    """Return the text for this engine, with the names filled in."""
    chosen = text if isinstance(text, str) else text.get(engine, text.get("", ""))
    return chosen.format_map(_Placeholders(names))


class _Placeholders(dict[str, Any]):
    """Names that are not known are shown as an ellipsis, for the reader to fill in."""

    def __missing__(self, key: str) -> str:
        return "…"
