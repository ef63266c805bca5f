"""Differences between the drivers for MariaDB and MySQL: the timeout for an answer."""

import math
from typing import Any


class PyMySQL:
    """https://pymysql.readthedocs.io/en/latest/modules/connections.html"""

    def arguments(self, arguments: dict[str, Any], *, endless: bool) -> dict[str, Any]:
        """Return the arguments of connect(). With `endless`, statements have no timeout after connecting."""
        return arguments

    def connected(self, connection: Any, *, endless: bool) -> None:
        """Remove the timeout. PyMySQL has no public API for that."""
        if not endless:
            return
        if not hasattr(connection, "_read_timeout"):
            raise RuntimeError(
                "This release of flask-safe-migrations does not know the PyMySQL installed: "
                "install an older one."
            )
        connection._read_timeout = None


class MySQLClient:
    """https://mysqlclient.readthedocs.io/user_guide.html: read_timeout is fixed and in whole seconds.

    It is not needed for the greeting of a server that is not MySQL, because connect_timeout covers that.
    """

    def arguments(self, arguments: dict[str, Any], *, endless: bool) -> dict[str, Any]:
        given = {name: value for name, value in arguments.items() if name != "read_timeout" or not endless}
        return {
            name: math.ceil(value) if name.endswith("_timeout") else value for name, value in given.items()
        }

    def connected(self, connection: Any, *, endless: bool) -> None:
        pass


# By SQLAlchemy's name for the driver.
DRIVERS: dict[str, PyMySQL | MySQLClient] = {"pymysql": PyMySQL(), "mysqldb": MySQLClient()}
