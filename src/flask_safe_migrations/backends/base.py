"""The interface to a database.

`env.py` and the commands use only this interface. They never check which engine is in use.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, ClassVar, Self, TextIO

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from sqlalchemy import URL, ColumnElement, Connection, Dialect, Engine, Table, create_engine, event, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ..errors import MigrationError, first_line
from . import shadow_databases
from .constraints import ConstraintInfo, ConstraintRename, read_constraints
from .drivers import missing_driver
from .locking import LockHolder
from .normalizer import Normalizer
from .probes import Probes
from .schema import Schema, SchemaObject, TableName


@dataclass(frozen=True)
class HalfApplied:
    """A step that has begun and not ended: a revision, or the downgrade of one.

    :param statements: those that have run. The last one may not have.
    :param interrupted: whether the last one has begun, and nobody has seen its end.
    :param running: how long the server has been running the last one, and what that waits for.
    """

    step: str
    statements: tuple[str, ...]
    interrupted: bool = False
    running: str | None = None


VERSION_TABLE = "alembic_version"
APPLIED_TABLE = "migration_applied"
NAME_LENGTH = 60  # of a table: PostgreSQL has 63, MariaDB 64


class Database:
    """One database: how to connect to it, migrate it, inspect it and copy it.

    The packages sqlite, postgresql and mysql implement this class for their engine. The methods defined
    here are the defaults for engines that do not override them.
    """

    # Connecting, creating and dropping.

    title: ClassVar[str]
    # The names of the SQLAlchemy dialects whose SQL this engine accepts.
    dialects: ClassVar[tuple[str, ...]]
    connect_args: ClassVar[dict[str, Any]] = {}
    # The options that the application passes to create_engine().
    engine_options: Mapping[str, Any] = MappingProxyType({})
    # Whether one database can contain several schemas.
    has_schemas: ClassVar[bool] = False
    # The key in SQLALCHEMY_BINDS; None for the default database.
    bind: str | None = None
    # Where the URL is set, for messages.
    setting = "DATABASE_URL"
    # Where Alembic stores the revision: options of context.configure(), set by `store_versions_in`.
    version_table: str = VERSION_TABLE
    version_table_schema: str | None = None
    # Whether no other process uses this database: a shadow database, which this one has locked.
    is_private = False

    def __init__(self, url: URL, connect_args: dict[str, Any]) -> None:
        self.url = url
        self.given_args = connect_args
        # Do not override what the URL or the application sets.
        own = {name: value for name, value in self.connect_args.items() if name not in url.query}
        self.args = own | connect_args

    @property
    def identity(self) -> Any:
        """A value that is equal for two names of the same database."""
        return self.url.get_backend_name(), self.url.host or "localhost", self.url.port, self.name

    def is_same(self, other: "Database") -> bool:
        """Return whether both are names of the same database."""
        return bool(self.identity == other.identity)

    @property
    def name(self) -> str:
        return str(self.url.database)

    @property
    def short_name(self) -> str:
        """The name that `--yes-destroy` expects."""
        return self.name

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def with_name(self, name: str) -> Self:
        """Return another database on the same server or in the same folder."""
        return self.with_url(self.url.set(database=name))

    def with_url(self, url: URL) -> Self:
        """Return the database at another URL, with the same role in the application."""
        other = type(self)(url, self.given_args)
        other.bind, other.setting, other.version_table = self.bind, self.setting, self.version_table
        other.version_table_schema = self.version_table_schema
        other.engine_options = self.engine_options
        return other

    def argument(self, name: str) -> Any:
        """Return an argument of the driver, from connect_args or else from the URL, or None."""
        value = self.args.get(name, self.url.query.get(name))
        return value[-1] if isinstance(value, tuple) else value

    def store_versions_in(self, table: str | None, schema: str | None) -> None:
        """Set where the revision is stored.

        Raises MigrationError for a schema that is not supported.
        """
        if schema and schema != self.own_schema:
            raise MigrationError(
                f"version_table_schema is {schema!r}, and in {self.title} that would be another database, "
                "which no snapshot and no shadow database holds: remove it."
            )
        self.version_table = table or VERSION_TABLE

    @property
    def own_schema(self) -> str:
        """The value that stands for this database where SQL expects the name of a schema."""
        return self.name

    @property
    def version_options(self) -> dict[str, Any]:
        """The Alembic options that set where the revision is stored."""
        return {"version_table": self.version_table, "version_table_schema": self.version_table_schema}

    def create_version_schema(self) -> None:
        """Create the schema of the version table if it does not exist. Alembic does not create it."""

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return all arguments for the driver's connect(). The values in `given` take precedence."""
        return self.args | given

    def create_engine(self, arguments: dict[str, Any] | None = None, **options: Any) -> Engine:
        """Create a separate engine.

        The application's own engine has listeners and a pool that must not affect migrations.
        """
        arguments = self.arguments(arguments or {})
        options = {**self.engine_options, **options}
        try:
            engine = create_engine(self.url, poolclass=NullPool, connect_args=arguments, **options)
        except ModuleNotFoundError as error:
            raise missing_driver(self.url) from error
        except ValueError as error:
            raise self.explain_options(error) from error
        except TypeError as error:
            if not self.engine_options:
                raise
            reason = str(error).partition("\n")[0].partition(", using")[0]
            raise MigrationError(f"MIGRATION_ENGINE_OPTIONS cannot be used: {reason}.") from error
        event.listen(engine, "do_connect", self._connect_driver)
        return engine

    def _connect_driver(
        self, dialect: Dialect, _record: Any, arguments: list[Any], options: dict[str, Any]
    ) -> Any:
        """Connect, and explain what a driver raises for an option of the URL that it cannot use."""
        try:
            return dialect.connect(*arguments, **options)
        except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
            raise self.explain_options(error) from error

    def explain_options(self, error: Exception) -> MigrationError:
        """Return the error for an option of the URL, or of connect_args, that the driver cannot use."""
        return MigrationError(
            f"{self.url.get_driver_name()} cannot use an option of {self.setting} or of connect_args: "
            f"{first_line(error)} ({self})."
        )

    @contextmanager
    def connect(self, arguments: dict[str, Any] | None = None) -> Iterator[Connection]:
        # Engines are not shared: to SQLAlchemy's cache of compiled statements, two Enum types with other
        # values are the same, and a migration changes them.
        with self.create_engine(arguments).connect() as connection:
            yield connection

    def connect_again(self) -> AbstractContextManager[Connection]:
        """Connect like `connect`; to a private database, each time with the same connection.

        For code of this library only: a revision may leave settings behind in its session.
        """
        return self.connect()

    def create_read_only_engine(self) -> Engine:
        """Create a separate engine on which the database itself rejects every write."""
        raise NotImplementedError

    def use_engine(self, engine: Engine) -> None:
        """Use the application's own engine where no other can reach the database: a database in memory."""

    def version(self, connection: Connection) -> str:
        return ".".join(map(str, connection.dialect.server_version_info or ()))

    def engine_version(self) -> str:
        """Return the version of the server or library, whether or not the database exists."""
        raise NotImplementedError

    def session_settings(self) -> list[str]:
        """Return what else a database depends on that is built by revisions: settings of the session."""
        return [str(self.argument("init_command")), str(self.argument("options")), self.version_table]

    def exists(self) -> bool:
        """Return whether the database exists.

        Raises SQLAlchemy's OperationalError if that cannot be determined.
        """
        raise NotImplementedError

    def create(self) -> None:
        """Create the database. An existing database is not changed."""
        raise NotImplementedError

    def drop(self) -> None:
        """Drop the database if it exists, even if other clients are connected to it."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Create the database if it does not exist yet, before revisions are applied."""
        if not self.exists():
            self.create()

    def why_not_development(self, root: Path) -> str | None:
        """Return the reason why this cannot be a development database, or None if it can."""
        if self.name.endswith(("_dev", "_test")):
            return None
        return f"its name ends neither in _dev nor in _test ({self})"

    def explain_error(self, error: DBAPIError) -> str | None:
        """Return one sentence that says what to fix, or None for an error in the SQL itself."""
        raise NotImplementedError

    # Migrating: locks, transactions, and what a failed revision leaves behind.

    # Options of context.configure(), the same online and offline.
    options: ClassVar[dict[str, Any]]
    # Text for the user: what a failed revision has left behind.
    after_failure: ClassVar[str]

    def statement_limits(self) -> dict[str, Any]:
        """Return connection arguments that limit how long a statement of a revision may wait or run."""
        return {}

    def limit_query(self, connection: Connection, seconds: float) -> AbstractContextManager[None]:
        """Wrap a query that only reads. An error in it, also that it takes longer, harms no transaction."""
        raise NotImplementedError

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Prevent other processes from migrating this database.

        Yields whether it had to wait for another migration.
        """
        yield False

    def find_lock_holder(self, connection: Connection) -> LockHolder | None:
        """Return who holds the lock that `lock` takes, or None if it is free."""
        return None

    def confirm_lock(self) -> None:
        """Raise MigrationError if the lock taken by `lock` was lost."""

    def run_with_retries(self, run: Callable[[], None]) -> None:
        """Call `run`. Call it again after an error for which the engine recommends a retry."""
        run()

    def on_foreign_transaction(self, connection: Connection) -> AbstractContextManager[None]:
        """Wrap a migration inside the caller's transaction, and leave that transaction as it is."""
        return nullcontext()

    def migration_session(self, connection: Connection) -> AbstractContextManager[None]:
        """Wrap a migration on `connection`, outside its transaction; restore all settings at the end."""
        return nullcontext()

    def begin_migration(self, migration: MigrationContext) -> bool:
        """Run first inside the transaction; return whether it had to wait for another migration."""
        return False

    def is_half_applied(self) -> bool:
        """Return whether a revision is half applied and is about to be resumed."""
        return False

    def explain_half_applied(self, connection: Connection) -> str | None:
        """Return one sentence about the half-applied revision, or None if there is none."""
        return None

    def read_half_applied(self, connection: Connection) -> HalfApplied | None:
        """Return the half-applied revision, or None. Only where DDL is not transactional can there be one."""
        return None

    def abandon_half_applied(self, connection: Connection, step: str) -> None:
        """Forget that this revision is half applied, and leave what has run of it."""
        raise NotImplementedError

    def before_revision(self, revision: Script, *, upgrade: bool) -> None:
        """Run before each revision, except on shadow databases and test connections."""

    def after_revision(self) -> None:
        """Run after each revision, in the transaction that stores it."""

    def integrity_check(self, connection: Connection) -> Callable[[], None]:
        """Record the current state of the checked constraints.

        The returned function raises MigrationError if a migration has made that state worse.
        """
        return lambda: None

    @contextmanager
    def render_offline(self, out: TextIO, prepare: Callable[["Database"], None]) -> Iterator[dict[str, Any]]:
        """Wrap `--sql`; yields the options that context.configure() needs for it.

        `prepare` brings a shadow database to the revision that the SQL starts from.
        """
        yield {
            "url": self.url,
            "output_buffer": out,
            "literal_binds": True,
            # The driver's own style would write a literal % as %%.
            "dialect_opts": {"paramstyle": "named"},
        }

    # The content: described, compared and written as SQL.

    # The time in UTC, as SQL.
    utc_now: ClassVar[str]
    # Tables that this library creates itself. They do not count as a difference from the models.
    library_tables: ClassVar[frozenset[str]] = frozenset({APPLIED_TABLE, "migration_marker"})
    # How the engine reports a schema, for comparisons.
    normalizer: ClassVar[Normalizer]
    # The clause that INSERT needs after its columns if the row includes the value of a generated key.
    with_given_keys: ClassVar[str] = ""
    # Whether inserting an explicit key value also advances the counter for the next key.
    counts_given_keys: ClassVar[bool] = True

    @property
    def applies_all_at_once(self) -> bool:
        """Whether a run applies all its revisions in one transaction."""
        return bool(self.options["transactional_ddl"]) and not self.options["transaction_per_migration"]

    @property
    def applied_table(self) -> str:
        """The table of runtime/applied.py: one for each version table, that is, for each application."""
        place = [self.version_table_schema, self.version_table]
        if place == [None, VERSION_TABLE]:
            return APPLIED_TABLE
        name = "_".join([APPLIED_TABLE, *filter(None, place)])
        if len(name) <= NAME_LENGTH:
            return name
        return f"{name[: NAME_LENGTH - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    @property
    def internal_tables(self) -> frozenset[str]:
        """The tables of this library and of Alembic: all tables that do not belong to the application."""
        names = {self.version_table, self.applied_table}
        if self.version_table_schema:
            names.add(f"{self.version_table_schema}.{self.version_table}")
        return self.library_tables | names

    def ignored_tables(self, connection: Connection) -> set[str]:
        """Return the tables of the default schema that no model describes.

        These are the internal ones, and those that are created and dropped with another table.
        """
        dependent = {name for schema, name in self.dependent_tables(connection) if schema is None}
        return dependent | self.internal_tables

    def list_tables(self, connection: Connection) -> set[TableName]:
        """Return the tables of the application, in all schemas, without those of `ignored_tables`."""
        names = set(inspect(connection).get_table_names()) - self.ignored_tables(connection)
        return {(None, name) for name in names}

    def check_tables(self) -> None:
        """Raise an error if another session has locked a table, for which a snapshot would wait."""

    def schema(self, connection: Connection) -> Schema:
        """Describe the content of this database, without the tables of this library."""
        raise NotImplementedError

    def constraints(self, connection: Connection) -> list[ConstraintInfo]:
        """Return the constraints and indexes, without those of this library's tables."""
        unique_is_index = self.normalizer.indexes_foreign_keys
        return read_constraints(connection, self.internal_tables, unique_is_index=unique_is_index)

    def enrich_table(self, connection: Connection, table: Table) -> None:
        """Add to a reflected table what SQLAlchemy does not reflect on this engine."""

    def rename_constraints(
        self, connection: Connection, like: Connection, changes: list[ConstraintRename]
    ) -> None:
        """Rename the constraints and indexes of one table as in the database `like`."""
        dialect = connection.dialect
        for change in changes:
            table = ops.ModifyTableOps(change.part.table, [], schema=change.part.schema)
            kind = "Index" if change.part.kind == "index" else "Constraint"
            sql = self.rename_sql(dialect, table, kind, str(change.part.name), change.new)
            connection.exec_driver_sql(str(sql))

    def rename_sql(
        self, dialect: Dialect, table: ops.ModifyTableOps, kind: str, old: str, new: str
    ) -> str | None:
        """Return SQL that renames an index or constraint, or None if it must be dropped and created again."""
        return None

    def schema_objects(self, connection: Connection) -> list[SchemaObject]:
        """Return all objects that are not tables, with the SQL that creates them.

        The order is one in which they can be created.
        """
        return []

    def table_sql(self, connection: Connection, table: str, schema: str | None = None) -> list[str]:
        """Return the SQL that creates a table and its indexes, as the engine reports it.

        Return an empty list for a table that is created together with another table.
        """
        raise NotImplementedError

    def unsupported_objects(self, connection: Connection) -> list[str]:
        """Return the names of objects that neither `schema` nor `schema_objects` can describe completely."""
        return []

    def dependent_tables(self, connection: Connection) -> set[tuple[str | None, str]]:
        """Return schema and name of each table that is created and dropped with another one.

        The default schema is None.
        """
        return set()

    def probe_objects(self, connection: Connection) -> Probes:
        """Find out which views, routines and triggers work, without executing them."""
        return {}

    def counter_sql(self, connection: Connection) -> dict[str, str]:
        """Return the counters of generated keys in use, each with the SQL that restores its value."""
        return {}

    def estimate_rows(self, connection: Connection) -> dict[str, int]:
        """Return the server's estimates of row counts by table, with its schema if not the default one."""
        return {}

    def readable_value(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return an expression for the column's value that survives being written as SQL and read back."""
        return column

    # Copying and replacing: shadow databases, snapshots, rebuilds.

    # The file name extension of a snapshot.
    suffix: ClassVar[str]

    @property
    def cheap_snapshots(self) -> bool:
        """Whether snapshots are cheap enough to be taken automatically."""
        return False

    def shadow(self, *, create: bool = True) -> AbstractContextManager["Database"]:
        """Create an empty shadow database on the same engine. It is dropped at the end.

        :param create: False if `load_stored` is called next. It may then be what creates the database.
        """
        raise NotImplementedError

    def reset(self) -> None:
        """Make this shadow database empty again."""
        self.drop()
        self.create()

    def store(self, key: str) -> None:
        """Keep the content of this shadow database for `load_stored`.

        This is only an optimization, so it never raises.
        """
        shadow_databases.store_as_file(self, key)

    def load_stored(self, keys: Sequence[str]) -> str | None:
        """Load the first stored content that exists for one of these keys.

        This shadow database must be empty, or not yet created. Return the key that was used, or None.
        """
        return shadow_databases.load_from_file(self, keys)

    def save(self, target: Path) -> None:
        """Write a consistent snapshot into the empty file `target`; raises MigrationError."""
        raise NotImplementedError

    def save_as(self, path: Path) -> None:
        """Write a snapshot to this path.

        The file appears only when it is complete. Only its owner can read it.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        unfinished.touch(mode=0o600)
        try:
            self.save(unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def load(self, source: Path) -> None:
        """Load a snapshot into this database, which must be new and empty."""
        raise NotImplementedError

    def copy_to(self, target: Self) -> None:
        """Create `target` as a copy of this database. It must not exist, and nobody may use this database."""
        with TemporaryDirectory() as folder:
            snapshot = Path(folder) / f"copy.{self.suffix}"
            self.save_as(snapshot)
            target.create()
            target.load(snapshot)

    def rebuild(self, fill: Callable[..., None]) -> None:
        """Replace this database with a new one that `fill` creates.

        If `fill` fails, this database is kept.
        """
        raise NotImplementedError
