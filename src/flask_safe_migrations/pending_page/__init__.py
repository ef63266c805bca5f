"""The development page: what a browser gets while a database and the code do not fit together.

It lists the pending revisions and has a button that applies them. It is installed in debug mode only, and
Alembic is loaded only when there is something to show.
"""

from typing import Any


def install(app: Any) -> None:
    """Check each request of this application, and print one line when `flask run` starts.

    It wraps the WSGI application, so that it comes before any code of the application that needs the
    database: sessions, functions before a request, error pages.
    """
    from . import announcement
    from .middleware import PendingPage

    app.wsgi_app = page = PendingPage(app, app.wsgi_app)
    announcement.start(app, page.checker)
