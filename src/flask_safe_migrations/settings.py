"""All settings of the library, read once from the application and then frozen.

Settings are in ``app.config``. Those in ENVIRONMENT can also be set by an environment variable of the same
name, which takes precedence, so that a single run can differ from the configuration.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from .errors import MigrationError

OWNER_LENGTH = 255  # characters of the name in the database
# PostgreSQL's timeouts are milliseconds in 32 bits.
MOST_SECONDS = 2_000_000
WORDS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}

# These can be set for a single run: MIGRATION_LOCK_TIMEOUT=5 flask db upgrade
ENVIRONMENT = (
    "MIGRATION_LOCK_TIMEOUT",
    "MIGRATION_LEASE_SECONDS",
    "MIGRATION_STATEMENT_LOCK_TIMEOUT",
    "MIGRATION_STATEMENT_TIMEOUT",
    "MIGRATION_ROW_CHECK_TIMEOUT",
    "MIGRATION_REFUSE_CHANGED",
    "MIGRATION_CHECK_AFTER",
)


@dataclass(frozen=True)
class Settings:
    """The settings of one application. ``Settings.from_app(app)`` creates it."""

    # The module or package in which the application was created, and its folder.
    import_name: str
    package_folder: Path
    # The folder for snapshots, copies of applied revisions and cached results of `verify`.
    instance_folder: Path
    # The project's folder, to which paths in messages are relative, and its migrations/.
    project_folder: Path
    directory: Path
    debug: bool
    testing: bool
    # The registered extension. It creates Alembic's configuration.
    migrate: Any
    # The Flask-SQLAlchemy extension, and further MetaData with tables of the databases.
    db: Any
    more_metadata: tuple[Any, ...] = ()
    # Arguments of Migrate(app, db, …) for Alembic's context.configure().
    configure_args: Mapping[str, Any] = field(default_factory=dict)
    version_table: str = "alembic_version"
    version_table_schema: str | None = None
    # Engine options by bind. None is the default database.
    engine_options: Mapping[str | None, Mapping[str, Any]] = field(default_factory=dict)
    # Names in SQLALCHEMY_BINDS, and the old name of each renamed bind by its new name.
    binds: tuple[str, ...] = ()
    former_binds: Mapping[str, str] = field(default_factory=dict)
    # The server itself, if the application connects through a pooler; the shadow database of `flask db new`.
    migration_url: URL | None = None
    shadow_url: URL | None = None
    # In seconds.
    lock_timeout: float = 60
    statement_lock_timeout: float = 5
    statement_timeout: float = 0
    # In seconds. The longest time for a query that looks for rows in the way of a revision; 0 for none.
    row_check_timeout: float = 10
    # In seconds. After this time without a heartbeat, the lock holder of a Galera cluster counts as dead.
    lease_seconds: float = 15
    # Whether to refuse a migration if an applied revision has been changed.
    refuse_changed: bool = False
    # MIGRATION_CHECK_AFTER, a revision id: `flask db verify` does not check this revision and those before
    # it, so that a project with an existing history passes from the start. They still have to run.
    check_after: str | None = None
    # MIGRATION_DISABLED_CHECKS, a list: rules of safety/messages.py, or of squawk ("squawk: rule-name"), to
    # disable in all revisions. For a single place, prefer a reason in the revision: "# safe: …".
    disabled_checks: frozenset[str] = frozenset()
    # MIGRATION_ENGINE_OPTIONS: create_engine() options for the migration engines of all databases. They
    # override SQLALCHEMY_ENGINE_OPTIONS, from which connect_args are inherited.
    migration_engine_options: Mapping[str, Any] = field(default_factory=dict)
    # MIGRATION_CLIENT_PROGRAMS: the folder of pg_dump, pg_restore, mariadb-dump and mariadb, if those on the
    # PATH have another version than the server.
    client_programs: Path | None = None
    # MIGRATION_BACKUP_DIR: the folder of snapshots, instead of backups/ in the instance folder. A relative
    # path is relative to the project's folder.
    backup_folder: Path | None = None
    # MIGRATION_OWNER: the name of this application, which each database records. By default it is the name
    # of the package or module. A renamed application keeps its old name here.
    owner: str = ""

    @classmethod
    def from_app(cls, app: Any, directory: Any = None) -> "Settings":
        """Read the settings of a Flask application with a registered ``Migrate``.

        :param app: the application.
        :param directory: the folder of env.py. The default is the folder passed to ``Migrate``.
        :raises MigrationError: if a value is invalid.
        """
        config = app.config | {name: os.environ[name] for name in ENVIRONMENT if os.environ.get(name)}
        migrate = app.extensions["migrate"]
        directory = find_directory(app, str(directory or migrate.directory))
        binds = dict(config.get("SQLALCHEMY_BINDS") or {})
        binds.pop(None, None)
        options: dict[str | None, Any] = {None: config.get("SQLALCHEMY_ENGINE_OPTIONS") or {}}
        options |= {name: value if isinstance(value, dict) else {} for name, value in binds.items()}
        return cls(
            import_name=app.import_name,
            package_folder=Path(app.root_path),
            instance_folder=Path(app.instance_path),
            project_folder=directory.parent,
            directory=directory,
            debug=bool(app.debug),
            testing=bool(app.testing),
            migrate=migrate.migrate,
            db=migrate.db,
            more_metadata=tuple(app.extensions.get("more_metadata", ())),
            configure_args=dict(migrate.configure_args),
            version_table=migrate.configure_args.get("version_table") or "alembic_version",
            version_table_schema=migrate.configure_args.get("version_table_schema"),
            engine_options=options,
            binds=tuple(binds),
            former_binds=_former_binds(config.get("FORMER_BINDS") or {}),
            migration_url=_url(config, "MIGRATION_DATABASE_URL"),
            shadow_url=_url(config, "SHADOW_DATABASE_URL"),
            lock_timeout=_seconds(config, "MIGRATION_LOCK_TIMEOUT", 60),
            statement_lock_timeout=_seconds(config, "MIGRATION_STATEMENT_LOCK_TIMEOUT", 5),
            statement_timeout=_seconds(config, "MIGRATION_STATEMENT_TIMEOUT", 0),
            row_check_timeout=_seconds(config, "MIGRATION_ROW_CHECK_TIMEOUT", 10),
            lease_seconds=_seconds(config, "MIGRATION_LEASE_SECONDS", 15),
            refuse_changed=_flag(config, "MIGRATION_REFUSE_CHANGED"),
            check_after=config.get("MIGRATION_CHECK_AFTER") or None,
            disabled_checks=_names(config, "MIGRATION_DISABLED_CHECKS"),
            migration_engine_options=_engine_options(config.get("MIGRATION_ENGINE_OPTIONS") or {}),
            client_programs=_folder(config, "MIGRATION_CLIENT_PROGRAMS", directory.parent),
            backup_folder=_folder(config, "MIGRATION_BACKUP_DIR", directory.parent),
            owner=str(config.get("MIGRATION_OWNER") or app.name)[:OWNER_LENGTH],
        )

    def relative(self, path: Path) -> Path:
        """Return the path relative to the project's folder, for messages."""
        return path.relative_to(self.project_folder) if path.is_relative_to(self.project_folder) else path


def find_directory(app: Any, directory: str) -> Path:
    """Return the absolute path of migrations/, independent of the working directory.

    A relative name is searched next to the application's package, then in the folders above it (``src/``
    layouts), then in the working directory, as Flask-Migrate does.
    """
    path = Path(directory)
    if path.is_absolute():
        return path
    package = Path(app.root_path).resolve()
    for folder in (package, *list(package.parents)[:2], Path.cwd()):
        if (folder / path / "env.py").is_file():
            return folder / path
    return Path.cwd() / path


_active: ContextVar[Settings | None] = ContextVar("flask_safe_migrations.settings", default=None)


def active() -> Settings:
    """Return the settings of the running command, or else of the current application."""
    if settings := _active.get():
        return settings
    from flask import current_app, has_app_context

    if not has_app_context():
        raise MigrationError("Migrations need an application: call this inside `with app.app_context():`.")
    return Settings.from_app(current_app)


@contextmanager
def activate(settings: Settings) -> Iterator[Settings]:
    """Use these settings within the block."""
    token = _active.set(settings)
    try:
        yield settings
    finally:
        _active.reset(token)


def project_commands(app: Any) -> str | Mapping[str, str]:
    """Return MIGRATION_COMMANDS: "make", or a mapping from a verb to the replacement of `flask db VERB`."""
    commands: str | Mapping[str, str] = app.config.get("MIGRATION_COMMANDS") or {}
    if commands != "make" and not isinstance(commands, Mapping):
        raise MigrationError(f'MIGRATION_COMMANDS is "make" or a dictionary of commands, not {commands!r}.')
    return commands


def _url(config: Mapping[str, Any], name: str) -> URL | None:
    value = config.get(name)
    try:
        return make_url(value) if value else None
    except (ArgumentError, ValueError):  # SQLAlchemy's message contains the password
        raise MigrationError(f"{name} is no database URL: write it as postgresql://host/name.") from None


def _seconds(config: Mapping[str, Any], name: str, default: float) -> float:
    value = config.get(name, default)
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise MigrationError(f"{name} is a number of seconds, not {value!r}: correct it.") from None
    if not 0 <= seconds <= MOST_SECONDS:  # also "nan"
        raise MigrationError(
            f"{name} is a number of seconds from 0 to {MOST_SECONDS}, not {value!r}: correct it."
        )
    return seconds


def _names(config: Mapping[str, Any], name: str) -> frozenset[str]:
    value = config.get(name) or ()
    given = value.split(",") if isinstance(value, str) else value
    return frozenset(" ".join(str(each).split()) for each in given)


def _folder(config: Mapping[str, Any], name: str, root: Path) -> Path | None:
    value = config.get(name)
    return root / Path(value).expanduser() if value else None


def _engine_options(options: Any) -> Mapping[str, Any]:
    if not isinstance(options, Mapping):
        raise MigrationError(
            f"MIGRATION_ENGINE_OPTIONS is a dictionary of options for create_engine(), not {options!r}."
        )
    for name in options:
        # A migration opens its own connections: to this database, to a shadow database, to the server.
        if name in {"creator", "async_creator", "isolation_level"} or name.startswith("pool"):
            raise MigrationError(
                f"MIGRATION_ENGINE_OPTIONS has {name}, which the library chooses: remove it there."
            )
    return options


def _former_binds(names: Any) -> Mapping[str, str]:
    if not isinstance(names, Mapping):
        raise MigrationError(
            f"FORMER_BINDS is a dictionary, the old name of each renamed bind by its new one, not {names!r}."
        )
    return dict(names)


def _flag(config: Mapping[str, Any], name: str) -> bool:
    value = str(config.get(name) or "0").strip().lower()
    if value not in WORDS:
        raise MigrationError(f"{name} is 1 or 0, not {config[name]!r}: correct it.")
    return WORDS[value]
