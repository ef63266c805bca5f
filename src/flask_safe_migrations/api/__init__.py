"""Every command as a function that returns its result, for scripts and tests.

Call the functions in an application context::

    from flask_safe_migrations import api

    with app.app_context():
        for database in api.upgrade():
            print(database.name, database.revision)

Progress is written to the logger ``flask_safe_migrations``, or to the
:class:`~flask_safe_migrations.output.Reporter` set by :func:`~flask_safe_migrations.output.report_to`.
Each function raises :class:`~flask_safe_migrations.MigrationError` if it fails. The message is one sentence
that explains what to do. ``bind`` selects one of several databases ("default" is the default one). If it is
omitted, the function applies to all databases. Alembic keeps its state in the process, so call the functions
in one thread at a time.
"""

from ..output import Reporter, report_to
from .adoption import adopt
from .changes import DatabaseChange, RevisionChanges, describe_revisions, find_new_revisions
from .half_applied import abandon_half_applied
from .history import History, HistoryRevision, history
from .migration import DatabaseStatus, PendingRevision, downgrade, pending_sql, status, upgrade
from .rebase import rebase
from .revision import RevisionResult, new_data_revision, new_revision, prove_newest
from .snapshots import backup, rebuild, restore
from .squash import SquashResult, squash, undo_squash
from .verification import Report, verify

__all__ = [
    "DatabaseChange",
    "DatabaseStatus",
    "History",
    "HistoryRevision",
    "PendingRevision",
    "Report",
    "Reporter",
    "RevisionChanges",
    "RevisionResult",
    "SquashResult",
    "abandon_half_applied",
    "adopt",
    "backup",
    "describe_revisions",
    "downgrade",
    "find_new_revisions",
    "history",
    "new_data_revision",
    "new_revision",
    "pending_sql",
    "prove_newest",
    "rebase",
    "rebuild",
    "report_to",
    "restore",
    "squash",
    "status",
    "undo_squash",
    "upgrade",
    "verify",
]
