"""The interface of an engine. env.py and the verbs call nothing else, and never ask which engine it is."""

from .applying import Applying
from .holding import Holding
from .keeping import Keeping


class Database(Applying, Holding, Keeping):
    """One database: how it is reached, what a migration of it is, what it holds, how it is copied.

    sqlite.py, postgresql.py and mariadb.py say so for their engine; these four hold where they say nothing.
    """
