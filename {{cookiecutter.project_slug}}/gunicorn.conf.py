"""How gunicorn serves the application; `gunicorn` reads this file by itself.

It listens on 127.0.0.1:8000; where PORT is set, on that port of all addresses. It belongs behind a proxy that
speaks TLS: TRUSTED_PROXIES=1. https://gunicorn.org/reference/settings/
"""

import os
from typing import Any

wsgi_app = "wsgi:app"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))  # processes
threads = 4  # in each; they also keep a slow client from stopping the others
timeout = 30  # seconds after which a worker that hangs is replaced
graceful_timeout = 30  # seconds for the requests under way, when it has to stop
accesslog = "-"
# Without the query and the referrer, which can hold secrets.
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(B)s bytes in %(M)s ms [request %({x-request-id}o)s]'
# Once, before the workers: what is wrong with the settings ends it at once, in one sentence.
preload_app = True
control_socket_disable = True  # it would be a file in a home that a service has not got


def post_fork(_server: Any, worker: Any) -> None:
    """Two processes must not share a connection: https://docs.sqlalchemy.org/en/21/core/pooling.html"""
    app = worker.app.wsgi()
    with app.app_context():
        for engine in app.extensions["sqlalchemy"].engines.values():
            engine.dispose(close=False)


def on_reload(_server: Any) -> None:
    """After SIGHUP gunicorn has its own log format again: use that of the application, as wsgi.py does."""
    from logging.config import dictConfig

    from wsgi import logs

    dictConfig(logs.config())
