"""How a database is reached, made and dropped: the first part of the interface in base.py."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy import Engine as Pool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ..errors import MigrationError
from .drivers import missing


class Reaching:
    """A URL, and what the application calls the database behind it."""

    title: ClassVar[str]
    # Dialects for which its SQL is meant.
    dialects: ClassVar[tuple[str, ...]]
    connect_args: ClassVar[dict[str, Any]] = {}
    # Whether one database holds several schemas.
    has_schemas: ClassVar[bool] = False
    # Its name in SQLALCHEMY_BINDS; None for the default database.
    bind: str | None = None
    # Where Alembic stores the revision; options of context.configure(), set by `store_versions_in`.
    version_table: str = "alembic_version"
    version_table_schema: str | None = None

    # Options of create_engine(), of the application's.
    engine_options: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, url: URL, connect_args: dict[str, Any]) -> None:
        self.url = url
        self.args = self.connect_args | connect_args

    @property
    def place(self) -> Any:
        """What two names of one and the same database have in common."""
        return self.url.get_backend_name(), self.url.host or "localhost", self.url.port, self.name

    @property
    def name(self) -> str:
        return str(self.url.database)

    @property
    def short_name(self) -> str:
        """What `--yes-destroy` has to be given."""
        return self.name

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def sibling(self, name: str) -> Self:
        """Return another database on the same server or in the same folder."""
        return self.at(self.url.set(database=name))

    def at(self, url: URL) -> Self:
        """Return the database at another URL, with the part that this one has in the application."""
        other = type(self)(url, self.args)
        other.bind, other.version_table = self.bind, self.version_table
        other.version_table_schema = self.version_table_schema
        other.engine_options = self.engine_options
        return other

    def store_versions_in(self, table: str | None, schema: str | None) -> None:
        """Say where the revision is stored; raises MigrationError for a schema that cannot be."""
        if schema and schema != self.own_schema:
            raise MigrationError(
                f"version_table_schema is {schema!r}, and in {self.title} that would be another database, "
                "which no snapshot and no throwaway database takes along: remove it."
            )
        self.version_table = table or "alembic_version"

    @property
    def own_schema(self) -> str:
        """What names the database itself where SQL takes the name of a schema."""
        return self.name

    @property
    def version_options(self) -> dict[str, Any]:
        """The options of Alembic's that say where the revision is stored."""
        return {"version_table": self.version_table, "version_table_schema": self.version_table_schema}

    def create_version_schema(self) -> None:
        """Create the schema of the version table where there is none: Alembic does not."""

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return all that the driver's connect() takes; `given` wins."""
        return self.args | given

    def pool(self, arguments: dict[str, Any] | None = None, **options: Any) -> Pool:
        """An engine of its own: the application's has listeners and a pool that are none of our business."""
        arguments = self.arguments(arguments or {})
        options = {**self.engine_options, **options}
        try:
            return create_engine(self.url, poolclass=NullPool, connect_args=arguments, **options)
        except ModuleNotFoundError as error:
            raise missing(self.url) from error
        except TypeError as error:
            if not self.engine_options:
                raise
            reason = str(error).partition("\n")[0].partition(", using")[0]
            raise MigrationError(f"MIGRATION_ENGINE_OPTIONS cannot be used: {reason}.") from error

    @contextmanager
    def connect(self, arguments: dict[str, Any] | None = None) -> Iterator[Connection]:
        with self.pool(arguments).connect() as connection:
            yield connection

    def reading(self) -> Pool:
        """An engine of its own through which nothing can be written: the database itself refuses."""
        raise NotImplementedError

    def live_in(self, pool: Pool) -> None:
        """Use the application's own engine where there is no other way to the database: one in memory."""

    def version(self, connection: Connection) -> str:
        return ".".join(map(str, connection.dialect.server_version_info or ()))

    def engine_version(self) -> str:
        """Return the version of the server or library, whether or not the database exists."""
        raise NotImplementedError

    def exists(self) -> bool:
        """Raises SQLAlchemy's OperationalError where that cannot be told."""
        raise NotImplementedError

    def create(self) -> None:
        """Make the database where it does not exist; what exists stays as it is."""
        raise NotImplementedError

    def drop(self) -> None:
        """Drop the database where it exists, whoever is connected to it."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Make the database where it does not exist yet, before revisions are applied."""
        if not self.exists():
            self.create()

    def outside_development(self, root: Path) -> str | None:
        """Say why this cannot be a development database, or None where it can."""
        if self.name.endswith(("_dev", "_test")):
            return None
        return f"its name ends neither in _dev nor in _test ({self})"

    def explain(self, error: DBAPIError) -> str | None:
        """Say in one sentence what to mend, or None for an error that speaks of the SQL itself."""
        raise NotImplementedError
