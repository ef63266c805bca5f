"""The supported drivers. Others are refused because this library has not been tested with them."""

from sqlalchemy import URL

from ..errors import MigrationError

# Drivers by backend, with the package name. The first one is suggested.
SUPPORTED = {
    "sqlite": {"pysqlite": "Python itself"},
    "postgresql": {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary"},
    "mysql": {"pymysql": "pymysql", "mysqldb": "mysqlclient"},
    "mariadb": {"pymysql": "pymysql", "mysqldb": "mysqlclient"},
}


def refuse_unsupported(url: URL) -> None:
    """Raise MigrationError for an engine or a driver that migrations do not run on."""
    backend, _, driver = url.drivername.partition("+")
    if backend not in SUPPORTED:
        raise MigrationError(
            f"Migrations do not run on {backend}: flask-safe-migrations knows SQLite, PostgreSQL, MariaDB "
            "and MySQL."
        )
    known = SUPPORTED[backend]
    if driver and driver not in known:
        names = " or ".join(f"{backend}+{name}://" for name in known)
        raise MigrationError(
            f"Migrations do not run on the driver {driver}: use {names} for the database; where the "
            f"application needs {driver}, set MIGRATION_DATABASE_URL to the same address with that one."
        )


def missing_driver(url: URL) -> MigrationError:
    """Return the error for a driver that is not installed."""
    backend, _, driver = url.drivername.partition("+")
    package = SUPPORTED[backend].get(driver) or next(iter(SUPPORTED[backend].values()))
    return MigrationError(
        f"The driver of {url.drivername}:// is not installed: `pip install '{package}'`, or name another one "
        "in the URL."
    )
