"""Every command as a function that returns what it has done, for scripts and tests.

Call them inside an application context::

    from flask_safe_migrations import api

    with app.app_context():
        for database in api.upgrade():
            print(database.name, database.revision)

Progress goes to the log ``flask_safe_migrations``, or to the :class:`~flask_safe_migrations.output.Reporter`
that :func:`~flask_safe_migrations.output.report_to` sets.
Each function raises :class:`~flask_safe_migrations.MigrationError`, whose message is one sentence that says
what to do. ``bind`` names one of several databases ("default" for the default one); without it all are meant.
"""

from ..output import Reporter, report_to
from .adoption import adopt
from .applying import downgrade, pending_sql, upgrade
from .rebase import rebase
from .revision import RevisionResult, new_data_revision, new_revision, prove_newest
from .snapshots import backup, rebuild, restore
from .squash import SquashResult, squash, undo_squash
from .status import DatabaseStatus, PendingRevision, status
from .verification import Report, verify

__all__ = [
    "DatabaseStatus",
    "PendingRevision",
    "Report",
    "Reporter",
    "RevisionResult",
    "SquashResult",
    "adopt",
    "backup",
    "downgrade",
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
