"""PostgreSQL's errors, and what to do about them."""

from typing import Any

from sqlalchemy import text

# https://www.postgresql.org/docs/current/errcodes-appendix.html
LOCK_NOT_AVAILABLE = "55P03"


def sqlstate(error: Any) -> str | None:
    """Return the code of an error of psycopg or psycopg2, also if SQLAlchemy has wrapped it."""
    original = getattr(error, "orig", error)
    return getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)


# Connection errors have no code, only text.
SIGNS = {
    "password authentication failed": "refuses the password of {user}: check DATABASE_URL",
    "no password supplied": "wants a password of {user}: add it to DATABASE_URL",
    'role "': "knows no user {user}: check DATABASE_URL",
    "translate host name": "cannot be found: check the host in DATABASE_URL",
    "failed to resolve host": "cannot be found: check the host in DATABASE_URL",
    "permission denied to create": "does not let {user} create {name}: create it, or use another user",
    "the database system is": "is starting or stopping: try again in a moment",
    "too many clients": "has no connection left: stop a program that has some, or raise max_connections",
    "slots are reserved": "has no connection left: stop a program that has some, or raise max_connections",
    "connection": "does not answer: start it (docker compose up -d --wait), or check DATABASE_URL",
}
OLDEST = text(
    "SELECT pid, usename, state, date_trunc('second', xact_start) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL "
    "ORDER BY xact_start LIMIT 1"
)
