"""Applies revisions, takes them back, and prints the SQL of what is pending."""

import io
from dataclasses import replace

from alembic import command

from .. import runtime
from ..context import RunContext, choice, choose
from ..runtime import binds
from ..runtime.checks import refuse_unknown
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config, stored_heads
from .status import DatabaseStatus, on_bind, status


def upgrade(revision: str = "head", *, bind: str | None = None) -> list[DatabaseStatus]:
    """Apply what is pending up to `revision`, and return where the databases stand then.

    A database that does not exist is created. Of several processes that call it at once one does it.
    """
    with on_bind(bind):
        command.upgrade(alembic_config(), revision)
        return status()


def downgrade(
    revision: str = "-1", *, bind: str | None = None, may_lose_rows: bool = False
) -> list[DatabaseStatus]:
    """Take revisions back, and return where the databases stand then.

    :param may_lose_rows: outside development a downgrade that would lose rows is refused without this; with
        it a snapshot is taken first.
    """
    with on_bind(bind), choose(replace(choice(), may_lose_rows=may_lose_rows)):
        command.downgrade(alembic_config(), revision)
        return status()


def pending_sql(bind: str | None = None) -> str:
    """Return the SQL that `upgrade` would run; nothing is changed."""
    out = io.StringIO()
    with on_bind(bind):
        script = runtime.directory()
        for database in binds.databases():
            with one_sentence(database):
                heads = stored_heads(database)
                if heads == set(script.get_heads()):
                    out.write(f"-- Nothing is pending: {database} has all revisions.\n")
                    continue
                refuse_unknown(database, script, heads)
                config = alembic_config()
                config.output_buffer = out
                RunContext.of(config).only = database
                command.upgrade(config, f"{','.join(heads) or 'base'}:head", sql=True)
    return out.getvalue()
