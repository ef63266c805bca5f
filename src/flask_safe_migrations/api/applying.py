"""Apply and downgrade revisions, and return the SQL of pending revisions."""

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
    """Apply the pending revisions up to `revision`, and return the resulting status of each database.

    A database that does not exist is created. If several processes call it at the same time, one of them
    applies the revisions and the others wait for its lock. Example::

        for database in api.upgrade():
            print(database.name, database.revision)

    :param revision: a revision id, a relative revision such as "+1", or "head".
    :param bind: the database. The default is all databases.
    :raises MigrationError: if a revision is refused or fails.
    """
    with on_bind(bind):
        command.upgrade(alembic_config(), revision)
        return status()


def downgrade(
    revision: str = "-1", *, bind: str | None = None, may_lose_rows: bool = False
) -> list[DatabaseStatus]:
    """Downgrade to `revision`, and return the resulting status of each database.

    Example::

        api.downgrade("-1", bind="default", may_lose_rows=True)

    :param revision: a revision id, a relative revision such as "-1", or "base".
    :param bind: the database. The default is all databases.
    :param may_lose_rows: permit a downgrade that loses rows outside development. A snapshot is taken first.
    :raises MigrationError: if the downgrade is refused or fails.
    """
    with on_bind(bind), choose(replace(choice(), may_lose_rows=may_lose_rows)):
        command.downgrade(alembic_config(), revision)
        return status()


def pending_sql(bind: str | None = None) -> str:
    """Return the SQL that `upgrade` would run. Nothing is changed.

    :param bind: the database. The default is all databases.
    :raises MigrationError: if a database is at a revision that the code does not have.
    """
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
