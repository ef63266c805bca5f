"""Finds out which operations a revision is about to run, and calls a function before each that runs.

For the first, its function runs on operations that only record. It runs from a copy of the module, so that
nothing that it counts or collects is used up, and only if all that it calls describes a schema: it must not
send a message twice.
"""

import ast
import builtins
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.operations import Operations
from alembic.operations.ops import CreateTableOp, ExecuteSQLOp, MigrateOperation
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import load_python_file
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.schema import SchemaItem
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

from .. import _compat, output
from ..errors import MigrationError, first_line
from . import binds
from .application_session import READS, use_migration_connection

# Calling these twice has no effect outside of the revision.
PURE_MODULES = frozenset(
    {"alembic", "builtins", "collections", "datetime", "decimal", "enum", "functools", "itertools", "json"}
    | {"math", "operator", "re", "sqlalchemy", "string", "textwrap", "typing", "uuid"}
)
IMPURE = frozenset({"__import__", "breakpoint", "compile", "create_engine", "eval", "exec", "input", "open"})
PURE_CLASSES = (TypeEngine, SchemaItem, ClauseElement)
OnOperation = Callable[[MigrateOperation], None]


@dataclass
class Rehearsal:
    """The operations of a revision, in order.

    :param unknown: why they are not known to the end; None if they are.
    """

    operations: list[MigrateOperation] = field(default_factory=list)
    unknown: str | None = None


def rehearse(step: RevisionStep, bind: str | None, migration: MigrationContext) -> Rehearsal:
    """Return the operations of the step without running them."""
    path = Path(step.revision.path)
    module = load_python_file(str(path.parent), path.name)
    function = binds.function(module, bind, "upgrade" if step.is_upgrade else "downgrade")
    rehearsal = Rehearsal()
    if function is None:
        return rehearsal
    if impure := _find_impure_call(path, module, function.__name__):
        rehearsal.unknown = impure
        return rehearsal
    # The output of --sql: it is neither shown nor complete, as no operation is run.
    options = {**migration.opts, "as_sql": True, "output_buffer": io.StringIO(), "literal_binds": True}
    with output.quiet_alembic():  # it would announce static SQL
        offline = MigrationContext.configure(dialect=migration.dialect, opts=options)

    def record(construct: Any, *_: Any, **__: Any) -> None:
        if READS.match(str(construct)):
            raise MigrationError("it reads the database")
        rehearsal.operations.append(ExecuteSQLOp(construct))

    offline.connection = offline.impl.connection = MockConnection(migration.dialect, record)  # type: ignore[assignment]
    operations = _Recording(offline, rehearsal.operations)
    try:
        with _compat.use_operations(operations), redirect_stdout(io.StringIO()):
            use_migration_connection(function, offline, bind, path)()
    except MigrationError as error:
        rehearsal.unknown = first_line(error)
    except Exception as error:  # noqa: BLE001 - whatever a revision does that needs a database
        rehearsal.unknown = f"{type(error).__name__}: {first_line(error)}"
    return rehearsal


@contextmanager
def intercept(migration: MigrationContext, on_operation: OnOperation) -> Iterator[None]:
    """Call a function before each operation of the revision that runs inside the block."""
    with _compat.use_operations(_Intercepting(migration, on_operation)):
        yield


class _Recording(Operations):
    """Runs nothing, and keeps the operations, also those of a batch."""

    def __init__(self, migration: MigrationContext, recorded: list[MigrateOperation]) -> None:
        super().__init__(migration)
        self.recorded = recorded

    def invoke(self, operation: MigrateOperation) -> Any:
        self.recorded.append(operation)
        if isinstance(operation, CreateTableOp):
            return operation.to_table(self.migration_context)
        return None

    @contextmanager
    def batch_alter_table(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        with super().batch_alter_table(*arguments, **options) as batch:
            batch.invoke = self.invoke  # type: ignore[method-assign]
            batch.impl.flush = lambda: None  # type: ignore[method-assign]
            yield batch


class _Intercepting(Operations):
    def __init__(self, migration: MigrationContext, on_operation: OnOperation) -> None:
        super().__init__(migration)
        self.on_operation = on_operation

    def invoke(self, operation: MigrateOperation) -> Any:
        self.on_operation(operation)
        return super().invoke(operation)

    @contextmanager
    def batch_alter_table(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        with super().batch_alter_table(*arguments, **options) as batch:
            invoke = batch.invoke

            def intercepting(operation: MigrateOperation) -> Any:
                self.on_operation(operation)
                return invoke(operation)

            batch.invoke = intercepting  # type: ignore[method-assign]
            yield batch


def _find_impure_call(path: Path, module: ModuleType, name: str) -> str | None:
    """Return what a function calls, or what it calls through the functions of its file, that is not pure."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    reached = [name]
    for each in reached:  # the list grows by the functions that are called
        if each not in functions:
            return f"{each}() is not defined in its file"
        function = functions[each]
        local = _local_names(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = (
                    [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                )
                if any(each.partition(".")[0] not in PURE_MODULES for each in names):
                    return f"line {node.lineno} imports {names[0]}"
            if not isinstance(node, ast.Call) or (parts := _dotted_name(node.func)) is None:
                continue
            if parts[-1] in IMPURE:
                return f"line {node.lineno} calls {parts[-1]}()"
            if parts[0] in local:
                continue
            if parts[0] in functions:
                reached += [parts[0]] if parts[0] not in reached else []
            elif not _is_pure(module, parts):
                return f"line {node.lineno} calls {'.'.join(parts)}()"
    return None


def _local_names(function: ast.FunctionDef) -> set[str]:
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and not _is_load(node)}
    names |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    imports = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
    names |= {(a.asname or a.name).partition(".")[0] for node in imports for a in node.names}
    return names | {node.name for node in ast.walk(function) if isinstance(node, ast.FunctionDef)}


def _is_load(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _dotted_name(node: ast.expr) -> list[str] | None:
    """Return ["op", "add_column"] for op.add_column; None for a method of a value."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return [node.id, *parts] if isinstance(node, ast.Name) else None


def _is_pure(module: ModuleType, parts: list[str]) -> bool:
    """Whether a name of the module is part of SQLAlchemy, Alembic or a pure module, or describes a schema."""
    if not hasattr(module, parts[0]):
        return hasattr(builtins, parts[0])
    value = getattr(module, parts[0])
    for part in ["", *parts[1:]]:
        value = getattr(value, part, None) if part else value
        kind = value if isinstance(value, type) else type(value)
        home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if issubclass(kind, PURE_CLASSES) or str(home or kind.__module__).partition(".")[0] in PURE_MODULES:
            return True
    return False
