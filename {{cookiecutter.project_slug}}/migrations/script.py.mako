<%!
def bare(operations):
    """Without the remarks that Alembic puts around them."""
    return "\n".join(line for line in (operations or "").splitlines() if "# ###" not in line).strip() or "pass"
%>\
<%
import re
from flask_safe_migrations.context import RunContext

run = RunContext.of(config)
data, parts = run.data, run.parts
imported = "\n".join(sorted(run.imports))
suffixes = {None: ""} | {bind: "_" + re.sub(r"\W", "_", bind) for bind in parts if bind}
%>\
"""${message.replace("\\", "\\\\").replace('"', '\\"')}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}
"""

% if data:
import time

% endif
import sqlalchemy as sa
from alembic import op
${imported}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

% if data:
TABLE = sa.table(${repr(data.table)}, *map(sa.column, ${repr(data.columns)})${f", schema={data.schema!r}" if data.schema else ""})
KEY = TABLE.c.${data.key}
TODO = TABLE.c.${data.column}.is_(None)  # rows that are still to be done: once done, they must not fit
VALUES = {${repr(data.column)}: ...}  # what they get, such as sa.func.upper(TABLE.c.name)
BATCH = 1_000
REPORT = 1  # seconds from one line about the progress to the next


def upgrade${data.suffix}() -> None:
    """Change the rows in batches, each committed by itself: what waits for one of them does not wait long.

    A run that was cut short goes on where it stopped. (SQLite has one transaction for the whole run.)
    """
    if op.get_context().as_sql:  # there are no keys to look at
        op.execute(sa.update(TABLE).where(TODO).values(VALUES))
        return
    with op.get_context().autocommit_block():
        connection, done, reported, began = op.get_bind(), 0, 0.0, time.monotonic()
        total = connection.scalar(sa.select(sa.func.count()).select_from(TABLE).where(TODO))
        next_keys = sa.select(KEY).where(TODO).order_by(KEY).limit(BATCH)
        keys = connection.scalars(next_keys).all()
        while keys:
            batch = sa.update(TABLE).where(TODO, KEY.between(keys[0], keys[-1])).values(VALUES)
            done += connection.execute(batch).rowcount
            if done and (now := time.monotonic()) - reported >= REPORT:
                reported, rate = now, done / (now - began)
                speed = f"{rate:.0f}/s, {(total - done) / rate:.0f} s left"
                print(f"    {done} of {total} rows, up to {KEY.name} {keys[-1]}: {speed}", flush=True)
            keys = connection.scalars(next_keys.where(KEY > keys[-1])).all()


def downgrade${data.suffix}() -> None:
    # Where the new values do no harm to the code before this revision, `pass` will do, with a reason:
    # "safe: …" on the line above.
    raise NotImplementedError("the values that ${data.table}.${data.column} had before are not kept")
% endif
% for bind, suffix in suffixes.items():
% if not (data and not data.suffix):

def upgrade${suffix}() -> None:
    ${bare(parts.get(bind, ("", ""))[0]).replace("\n", "\n    ")}


def downgrade${suffix}() -> None:
    ${bare(parts.get(bind, ("", ""))[1]).replace("\n", "\n    ")}
% endif
% endfor
