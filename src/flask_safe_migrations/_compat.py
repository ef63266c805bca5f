"""Every private part of Alembic and SQLAlchemy that is used: one function each, one test each.

A new release of one of them is tried by ``tests/library/test_compat.py`` first. Not here: the connection of
PyMySQL (backends/mysql/connection.py) and the application's session (runtime/application_session.py).
"""

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import alembic.op
from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.operations import Operations, ops
from alembic.operations.batch import BatchOperationsImpl
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import sqla_compat
from sqlalchemy import CheckConstraint, Column, Constraint, Dialect, Index, MetaData, Sequence, Table
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.types import TypeEngine

FLUSH = BatchOperationsImpl.flush.__code__  # backends/sqlite/offline.py wraps the method for a while

# Alembic: revisions


def upgrade_steps(script: ScriptDirectory, destination: str, heads: Any) -> list[Any]:
    """Return the steps from `heads` up to `destination`."""
    return list(script._upgrade_revs(destination, heads))


def downgrade_steps(script: ScriptDirectory, destination: str, heads: Any) -> list[Any]:
    """Return the steps from `heads` down to `destination`."""
    return list(script._downgrade_revs(destination, heads))


def destination(context: Any) -> str | None:
    """Return the revision that `upgrade` or `downgrade` was called with, such as "-1"."""
    written: str | None = context._proxy.context_opts.get("destination_rev")
    return written


def known_revisions(script: ScriptDirectory) -> dict[str, Any]:
    """Return the revisions by id, without raising for files that do not fit together."""
    known: dict[Any, Any] = script.revision_map._revision_map
    return known


def parents_and_dependencies(revision: Script) -> Collection[str]:
    """Return the ids of all revisions that have to be applied before this one."""
    return revision._all_down_revisions


def parents(revision: Script) -> Collection[str]:
    """Return the ids of its parents, without those that it only depends on."""
    return revision._versioned_down_revisions


def own_branch_labels(revision: Script) -> Collection[str]:
    """Return the branch labels that its file declares, without those that it inherits."""
    return revision._orig_branch_labels


def version_folders(script: ScriptDirectory) -> list[Path]:
    """Return the folders that revisions are read from."""
    return list(script._version_locations)


def revision_path(
    script: ScriptDirectory, folder: str | Path, revision: str, message: str, date: Any
) -> Path:
    """Return the path of a revision by the project's file_template."""
    return Path(script._rev_path(folder, revision, message, date))


def creation_date(script: ScriptDirectory) -> datetime:
    """Return the present time in the project's time zone."""
    return script._generate_create_date()


def version_id_length(migration: MigrationContext) -> int | None:
    """Return how long an id may be in the version table that Alembic creates; None if there is no limit."""
    kind: Any = migration._version.c.version_num.type
    length: int | None = kind.length
    return length


# Alembic: autogenerate


def render_operations(operations: ops.OpContainer, context: AutogenContext) -> str:
    """Return the body of upgrade() or downgrade()."""
    return render._render_cmd_body(operations, context)


def render_alter_column(context: AutogenContext, operation: ops.AlterColumnOp) -> str:
    return render._alter_column(context, operation)


def render_type(type_: TypeEngine[Any], context: AutogenContext) -> str:
    return render._repr_type(type_, context)


def render_domain(type_: DOMAIN, context: AutogenContext) -> str:
    """Return the expression of a DOMAIN, on each engine: a variant may be one."""
    return PostgresqlImpl._render_DOMAIN_type(None, type_, context)  # type: ignore[arg-type]


def constraint_name(constraint: Constraint | Index, dialect: Dialect) -> str | None:
    """Return the name that it gets by the naming convention, shortened where the engine needs it."""
    name = sqla_compat._get_constraint_final_name(constraint, dialect)
    return str(name) if name else None


def identity_differs(impl: Any, wanted: Any, reflected: Any) -> bool:
    _attributes, _ignored, differs = impl._compare_identity_default(wanted, reflected)
    return bool(differs)


# SQLAlchemy


def shallow_copy(type_: TypeEngine[Any], cls: type | None = None) -> Any:
    """Return a copy with the same attributes, as an object of `cls`.

    copy.copy() breaks a TypeDecorator, and would lose what __reduce__ of PickleType omits.
    """
    other: Any = object.__new__(cls or type(type_))
    vars(other).update(vars(type_))
    return other


def copy_column(column: Column[Any]) -> Column[Any]:
    """Return a copy that belongs to no table."""
    return column._copy()


def is_created(check: CheckConstraint, compiler: Any) -> bool:
    """Whether a CHECK of a Boolean or an Enum is created on this dialect."""
    return check._create_rule is None or bool(check._create_rule(compiler))


def belongs_to_type(check: CheckConstraint) -> bool:
    """Whether a CHECK is that of a Boolean or an Enum."""
    return bool(check._type_bound)


def is_autoincrement(column: Column[Any]) -> bool:
    """Whether the database numbers this column by itself."""
    return column.table._autoincrement_column is column


def have_one_affinity(one: TypeEngine[Any], other: TypeEngine[Any]) -> bool:
    """Whether two types are of one family, such as integers."""
    return one._type_affinity is other._type_affinity


def type_affinity(type_: TypeEngine[Any]) -> type[TypeEngine[Any]]:
    affinity: type[TypeEngine[Any]] = type_._type_affinity  # type: ignore[assignment]
    return affinity


def sequences(metadata: MetaData) -> dict[str, Sequence]:
    """Return the sequences of a MetaData by name; what is removed from it is not created."""
    return metadata._sequences


def set_prefixes(table: Table, *prefixes: str) -> None:
    """Set what stands between CREATE and TABLE: there is no public way to do it for a table that exists."""
    table._prefixes = list(prefixes)


def referenced_column(key: Any) -> str:
    """Return table.column that a foreign key refers to."""
    return str(key._get_colspec())


def doubles_percents(preparer: Any) -> bool:
    """Whether the dialect writes a percent sign twice, as its driver formats statements by %."""
    return bool(preparer._double_percents)


def variants(type_: TypeEngine[Any]) -> dict[str, TypeEngine[Any]]:
    """Return the types that `with_variant()` has set, by the name of the dialect."""
    return dict(type_._variant_mapping)


def clear_variants(type_: TypeEngine[Any]) -> None:
    type_._variant_mapping = TypeEngine._variant_mapping


def is_null_type(type_: TypeEngine[Any]) -> bool:
    return bool(type_._isnull)


def is_flushing_batch() -> bool:
    """Return whether Alembic calls the caller, `requires_recreate_in_batch`, at the end of a batch.

    It also calls it in the middle, for a column with a position, when not all operations are known yet.
    """
    return sys._getframe(3).f_code is FLUSH


# Alembic: operations


@contextmanager
def use_operations(operations: Operations) -> Iterator[None]:
    """Let the functions of `alembic.op` call these operations inside the block."""
    namespace = vars(alembic.op)
    before = namespace.get("_proxy")
    namespace["_proxy"] = operations
    try:
        yield
    finally:
        namespace["_proxy"] = before
