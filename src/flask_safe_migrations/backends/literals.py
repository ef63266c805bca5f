"""Writes values as SQL, for ``--sql``: those for which SQLAlchemy has no literal, or not the right one.

https://docs.sqlalchemy.org/en/21/faq/sqlexpressions.html#rendering-bound-parameters-inline
"""

import json
from typing import Any

from sqlalchemy import JSON, Dialect, LargeBinary, String, TypeDecorator, literal, null
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import Null
from sqlalchemy.types import BINARY, VARBINARY, TypeEngine

BINARY_TYPES = (LargeBinary, BINARY, VARBINARY)


class LiteralCompiler(SQLCompiler):
    """Mixed into the compiler of a dialect by `write_literals`."""

    def render_literal_bindparam(self, bindparam: Any, *arguments: Any, **options: Any) -> Any:
        """Write None as a type sends it to the driver: JSON sends 'null'."""
        if bindparam.value is None and bindparam.callable is None and not bindparam.expanding:
            return self.render_literal_value(None, bindparam.type)
        return super().render_literal_bindparam(bindparam, *arguments, **options)  # type: ignore[no-untyped-call]

    def render_literal_value(self, value: Any, type_: TypeEngine[Any]) -> str:
        value, type_ = _sent(value, type_, self.dialect)
        if isinstance(type_, JSON):
            if isinstance(value, Null) or (value is None and type_.none_as_null):
                return self.process(null())
            try:
                text = json.dumps(None if value is JSON.NULL else value)
            except (TypeError, ValueError) as error:
                raise CompileError(str(error)) from error
            return super().render_literal_value(text, String())
        if isinstance(value, bytes | bytearray | memoryview) and isinstance(type_, BINARY_TYPES):
            digits = bytes(value).hex()
            # https://www.postgresql.org/docs/current/datatype-binary.html
            return f"'\\x{digits}'" if self.dialect.name == "postgresql" else f"x'{digits}'"
        try:
            return super().render_literal_value(value, type_)
        except CompileError:
            if type_.literal_processor(self.dialect):
                raise
            return self._write_by_value(value, type_)

    def _write_by_value(self, value: Any, type_: TypeEngine[Any]) -> str:
        """Write what a type without a literal form sends to the driver: text, mostly."""
        if processor := type_.bind_processor(self.dialect):
            value = processor(value)
        own = literal(value).type
        if own.literal_processor(self.dialect) is None:
            raise CompileError(f"a value of type {type(value).__name__} has no literal form")
        return super().render_literal_value(value, own)


def write_literals(dialect: Any) -> None:
    """Use the compiler for this dialect, which must be one of ``--sql``."""
    compiler = dialect.statement_compiler
    if not issubclass(compiler, LiteralCompiler):
        dialect.statement_compiler = type(compiler.__name__, (LiteralCompiler, compiler), {})


def _sent(value: Any, type_: TypeEngine[Any], dialect: Dialect) -> tuple[Any, TypeEngine[Any]]:
    """Return what a TypeDecorator passes on, and the type to which it does."""
    type_ = type_.dialect_impl(dialect)
    while isinstance(type_, TypeDecorator) and not _overrides(type_, "process_literal_param"):
        if _overrides(type_, "process_bind_param"):
            value = type_.process_bind_param(value, dialect)
        type_ = type_.impl_instance.dialect_impl(dialect)
    return value, type_


def _overrides(type_: TypeDecorator[Any], name: str) -> bool:
    return getattr(type(type_), name) is not getattr(TypeDecorator, name)
