"""What differs between the drivers of MariaDB and MySQL: how long an answer is waited for."""

import math
from typing import Any


class PyMySQL:
    """https://pymysql.readthedocs.io/en/latest/modules/connections.html"""

    def arguments(self, arguments: dict[str, Any], *, endless: bool) -> dict[str, Any]:
        """Return what connect() takes; `endless`: once connected, a statement may take hours."""
        return arguments

    def connected(self, connection: Any, *, endless: bool) -> None:
        """PyMySQL has no public way to say so."""
        if not endless:
            return
        if not hasattr(connection, "_read_timeout"):
            raise RuntimeError(
                "This release of flask-safe-migrations does not know the PyMySQL installed: "
                "install an older one."
            )
        connection._read_timeout = None


class MySQLClient:
    """https://mysqlclient.readthedocs.io/user_guide.html: its read_timeout is for ever, and whole seconds.

    It needs none for the greeting of a server that is none: its connect_timeout is about that, too.
    """

    def arguments(self, arguments: dict[str, Any], *, endless: bool) -> dict[str, Any]:
        given = {name: value for name, value in arguments.items() if name != "read_timeout" or not endless}
        return {
            name: math.ceil(value) if name.endswith("_timeout") else value for name, value in given.items()
        }

    def connected(self, connection: Any, *, endless: bool) -> None:
        pass


# By the name that SQLAlchemy has for them.
DRIVERS: dict[str, PyMySQL | MySQLClient] = {"pymysql": PyMySQL(), "mysqldb": MySQLClient()}
