"""The interface of a database: env.py and the commands call nothing else, and never ask for the engine."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self, TextIO

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, ColumnElement, Connection, Dialect, Engine, Table, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ..errors import MigrationError
from . import shadow_cache
from .constraints import ConstraintInfo, ConstraintRename, read
from .drivers import missing
from .normalizer import Normalizer
from .objects import SchemaObject, parts_of
from .schema import Schema


class Database:
    """One database: how it is reached, what a migration of it is, what it holds, how it is copied.

    sqlite/, postgresql/ and mysql/ say so for their engine; what stands here holds where they say nothing.
    """

    # How it is reached, made and dropped.

    title: ClassVar[str]
    # Dialects for which its SQL is meant.
    dialects: ClassVar[tuple[str, ...]]
    connect_args: ClassVar[dict[str, Any]] = {}
    # Options of create_engine(), of the application's.
    engine_options: Mapping[str, Any] = MappingProxyType({})
    # Whether one database holds several schemas.
    has_schemas: ClassVar[bool] = False
    # Its name in SQLALCHEMY_BINDS; None for the default database.
    bind: str | None = None
    # Where Alembic stores the revision; options of context.configure(), set by `store_versions_in`.
    version_table: str = "alembic_version"
    version_table_schema: str | None = None

    def __init__(self, url: URL, connect_args: dict[str, Any]) -> None:
        self.url = url
        self.given_args = connect_args
        # What the URL or the application sets is not ours to choose.
        own = {name: value for name, value in self.connect_args.items() if name not in url.query}
        self.args = own | connect_args

    @property
    def identity(self) -> Any:
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

    def with_name(self, name: str) -> Self:
        """Return another database on the same server or in the same folder."""
        return self.with_url(self.url.set(database=name))

    def with_url(self, url: URL) -> Self:
        """Return the database at another URL, with the part that this one has in the application."""
        other = type(self)(url, self.given_args)
        other.bind, other.version_table = self.bind, self.version_table
        other.version_table_schema = self.version_table_schema
        other.engine_options = self.engine_options
        return other

    def argument(self, name: str) -> Any:
        """Return an argument that the driver gets, from connect_args or else from the URL, or None."""
        value = self.args.get(name, self.url.query.get(name))
        return value[-1] if isinstance(value, tuple) else value

    def store_versions_in(self, table: str | None, schema: str | None) -> None:
        """Say where the revision is stored; raises MigrationError for a schema that cannot be."""
        if schema and schema != self.own_schema:
            raise MigrationError(
                f"version_table_schema is {schema!r}, and in {self.title} that would be another database, "
                "which no snapshot and no shadow database holds: remove it."
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

    def create_engine(self, arguments: dict[str, Any] | None = None, **options: Any) -> Engine:
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
        with self.create_engine(arguments).connect() as connection:
            yield connection

    def create_read_only_engine(self) -> Engine:
        """An engine of its own through which nothing can be written: the database itself refuses."""
        raise NotImplementedError

    def use_engine(self, pool: Engine) -> None:
        """Use the application's own engine where there is no other way to the database: one in memory."""

    def version(self, connection: Connection) -> str:
        return ".".join(map(str, connection.dialect.server_version_info or ()))

    def engine_version(self) -> str:
        """Return the version of the server or library, whether or not the database exists."""
        raise NotImplementedError

    def session_settings(self) -> list[str]:
        """Return what else a database depends on that is built by revisions: settings of the session."""
        return [str(self.argument("init_command")), str(self.argument("options")), self.version_table]

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

    def why_not_development(self, root: Path) -> str | None:
        """Say why this cannot be a development database, or None where it can."""
        if self.name.endswith(("_dev", "_test")):
            return None
        return f"its name ends neither in _dev nor in _test ({self})"

    def explain_error(self, error: DBAPIError) -> str | None:
        """Return one sentence that says what to fix, or None for an error about the SQL itself."""
        raise NotImplementedError

    # What a migration of it is: lock, transaction, what is left of one that failed.

    # For context.configure(), the same online and offline.
    options: ClassVar[dict[str, Any]]
    # What a revision that failed has left behind, in words.
    after_failure: ClassVar[str]

    def statement_limits(self) -> dict[str, Any]:
        """Arguments for the connection that applies revisions: how long a statement may wait or run."""
        return {}

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Keep others from migrating this database; yields whether it had to wait for one that did."""
        yield False

    def confirm_lock(self) -> None:
        """Raise MigrationError where the lock was lost that `lock` has taken."""

    def run_with_retries(self, run: Callable[[], None]) -> None:
        """Call `run`, and call it again where the engine says that this may help."""
        run()

    def on_foreign_transaction(self, connection: Connection) -> AbstractContextManager[None]:
        """Around a migration inside a transaction of somebody else's, in which all is left as it is."""
        return nullcontext()

    def migration_session(self, connection: Connection) -> AbstractContextManager[None]:
        """Around a migration on `connection`, before its transaction begins; puts everything back."""
        return nullcontext()

    def begin_migration(self, migration: MigrationContext) -> bool:
        """First thing inside the transaction; returns whether it had to wait for another migration."""
        return False

    def is_half_applied(self) -> bool:
        """Whether a revision is half applied and about to be taken up again."""
        return False

    def before_revision(self, revision: str, *, upgrade: bool) -> None:
        """Before each revision that is applied to a database that people use."""

    def after_revision(self) -> None:
        """After each revision, in the transaction that stores it."""

    def integrity_check(self, connection: Connection) -> Callable[[], None]:
        """Note what must not get worse; the function returned raises MigrationError where it has."""
        return lambda: None

    @contextmanager
    def render_offline(self, out: TextIO, prepare: Callable[["Database"], None]) -> Iterator[dict[str, Any]]:
        """Around `--sql`; yields what context.configure() needs for it.

        `prepare` brings a throwaway database to the revision that the SQL starts from.
        """
        yield {
            "url": self.url,
            "output_buffer": out,
            "literal_binds": True,
            # The driver's own style would write a literal % as %%.
            "dialect_opts": {"paramstyle": "named"},
        }

    # What it holds: described, compared, written as SQL.

    # Tables of the workflow's own, which are no difference to the models.
    library_tables: ClassVar[frozenset[str]] = frozenset({"migration_applied", "migration_marker"})
    # How it words a schema, for comparisons.
    normalizer: ClassVar[Normalizer]
    # What INSERT needs behind its columns where the key of a row is given and not made.
    with_given_keys: ClassVar[str] = ""
    # Whether a key that is given counts up what makes the next one.
    counts_given_keys: ClassVar[bool] = True

    @property
    def internal_tables(self) -> frozenset[str]:
        """Those, and Alembic's: what is in a database but no table of the application's."""
        names = {self.version_table}
        if self.version_table_schema:
            names.add(f"{self.version_table_schema}.{self.version_table}")
        return self.library_tables | names

    def schema(self, connection: Connection) -> Schema:
        """Describe what this database holds, but for the tables of the workflow's own."""
        raise NotImplementedError

    def constraints(self, connection: Connection) -> list[ConstraintInfo]:
        """Return the constraints and indexes, but for those of the workflow's own tables."""
        return read(connection, self.internal_tables, unique_is_index=self.normalizer.indexes_foreign_keys)

    def enrich_table(self, connection: Connection, table: Table) -> None:
        """Add to a reflected table what SQLAlchemy does not see in this engine."""

    def rename_constraints(
        self, connection: Connection, like: Connection, changes: list[ConstraintRename]
    ) -> None:
        """Rename, or name, constraints and indexes of one table as those of the database `like` are named."""
        dialect = connection.dialect
        for change in changes:
            table = ops.ModifyTableOps(change.part.table, [], schema=change.part.schema)
            kind = "Index" if change.part.kind == "index" else "Constraint"
            sql = self.rename_sql(dialect, table, kind, str(change.part.name), change.new)
            connection.exec_driver_sql(str(sql))

    def rename_sql(
        self, dialect: Dialect, table: ops.ModifyTableOps, kind: str, old: str, new: str
    ) -> str | None:
        """Return SQL that renames an index or constraint; None where it has to be made anew."""
        return None

    def schema_objects(self, connection: Connection) -> list[SchemaObject]:
        """Return what is there besides tables, with the SQL that makes it, in an order in which it can be."""
        return []

    def table_sql(self, connection: Connection, table: str, schema: str | None = None) -> list[str]:
        """Return what makes a table and its indexes, in the engine's own words.

        Nothing for one that comes along with another table.
        """
        raise NotImplementedError

    def part_sql(self, connection: Connection, table: str, schema: str | None = None) -> dict[str, str]:
        """Return by name what makes an index or a constraint of a table that is there."""
        return parts_of(self.table_sql(connection, table, schema))

    def unsupported_objects(self, connection: Connection) -> list[str]:
        """Name what neither `schema` nor `made` can describe in full."""
        return []

    def counter_sql(self, connection: Connection) -> dict[str, str]:
        """Return what counts keys up and has been used, each with the SQL that brings it where it is."""
        return {}

    def readable_value(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The value in this column so that it can be written down, and means the same when it is inserted."""
        return column

    # How it is copied and replaced: shadow databases, snapshots, rebuilds.

    # How a snapshot's file name ends.
    suffix: ClassVar[str]

    @property
    def cheap_snapshots(self) -> bool:
        """Whether one is so cheap that it is taken unasked."""
        return False

    def shadow(self) -> AbstractContextManager["Database"]:
        """A throwaway database on the same engine, empty; dropped at the end."""
        raise NotImplementedError

    def reset(self) -> None:
        """Make this throwaway database empty again."""
        self.drop()
        self.create()

    def store(self, key: str) -> None:
        """Keep what this throwaway database holds, for `recall`; it only saves time, so it never raises."""
        shadow_cache.keep(self, key)

    def load_stored(self, keys: Sequence[str]) -> str | None:
        """Fill this throwaway database, which is empty, with the first of these that was kept."""
        return shadow_cache.recall(self, keys)

    def save(self, target: Path) -> None:
        """Write a consistent snapshot into the file `target`, which is empty; raises MigrationError."""
        raise NotImplementedError

    def save_as(self, path: Path) -> None:
        """Write a snapshot under this name, all of it or nothing, readable by its owner only."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        unfinished.touch(mode=0o600)
        try:
            self.save(unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def load(self, source: Path) -> None:
        """Fill this database, which is new and empty, from a snapshot."""
        raise NotImplementedError

    def rebuild(self, fill: Callable[..., None]) -> None:
        """Put a database made by `fill` in the place of this one; where `fill` fails, this one stays."""
        raise NotImplementedError
