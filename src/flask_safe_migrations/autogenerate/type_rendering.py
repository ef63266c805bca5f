"""Render the types of columns, so that a revision runs wherever and whenever it is applied.

A type of the application may be changed or removed later, so a revision contains what the database stores:
a TypeDecorator is rendered as its `impl`, with variants for engines on which `load_dialect_impl()` returns
another type, and a subclass of a type of SQLAlchemy as that type. Only what has SQL of its own
(`UserDefinedType`, `@compiles`) is imported from where it is defined. Each result is evaluated, and has to
give the same SQL as the type of the model.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import sqlalchemy
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Dialect, make_url
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine, UserDefinedType

from .. import _compat
from ..errors import MigrationError
from .compare.enums import render_enum

# Of each name that a variant may have. They need no driver until they connect.
DIALECTS: dict[str, Dialect] = {
    url.partition("+")[0]: make_url(f"{url}://").get_dialect()()
    for url in ("sqlite+pysqlite", "postgresql+psycopg", "mysql+pymysql", "mariadb+pymysql")
}
# Attributes, named like the argument that sets them, that hold another type: ARRAY, HSTORE, JSON and JSONB.
NESTED = ("item_type", "text_type", "astext_type")
BASES = {TypeEngine, TypeDecorator, UserDefinedType}  # they have no SQL of their own
UNKNOWN = "the script.py.mako of the application imports it"  # with `user_module_prefix`


def render_type(type_: TypeEngine[Any], context: AutogenContext) -> str:
    """Return the expression that creates the type, and add its imports to the context.

    :raises MigrationError: if no expression gives the same SQL.
    """
    base, variants = _split(type_, context)
    by_text: dict[str, list[str]] = {}
    for dialect, text in variants.items():
        if text != base:
            by_text.setdefault(text, []).append(dialect)
    calls = (f".with_variant({text}, {', '.join(map(repr, names))})" for text, names in by_text.items())
    return base + "".join(calls)


def _split(type_: TypeEngine[Any], context: AutogenContext) -> tuple[str, dict[str, str]]:
    """Return the expression of the type itself, and those of its variants by the name of the dialect."""
    base, variants = _split_decorator(type_, context) or (_render(type_, context), {})
    for dialect, variant in sorted(_compat.variants(type_).items()):
        own, inner = _split(variant, context)
        variants[dialect] = inner.get(dialect, own)
    return base, variants


def _split_decorator(type_: TypeEngine[Any], context: AutogenContext) -> tuple[str, dict[str, str]] | None:
    """Return what a TypeDecorator stores on each engine. None for another type."""
    if not isinstance(type_, TypeDecorator) or _public_name(type(type_)):
        return None
    if context.opts.get("user_module_prefix") is not None:
        return None
    base, variants = _split(type_.impl_instance, context)
    for name, dialect in _dialects(context).items():
        try:
            stored = type_.load_dialect_impl(dialect)
        except Exception:  # noqa: BLE001, S112 - the application's code, for an engine it may not support
            continue
        if stored is not type_.impl_instance:
            own, inner = _split(stored, context)
            variants[name] = inner.get(name, own)
    return base, variants


def _dialects(context: AutogenContext) -> dict[str, Dialect]:
    current: Any = context.dialect
    return DIALECTS | {current.name: current}


def _render(type_: TypeEngine[Any], context: AutogenContext) -> str:
    """Return the expression of a type without its variants."""
    tried = ""
    for text, import_line in _candidates(type_, context):
        if import_line is UNKNOWN:
            return text
        if _has_same_sql(type_, text, import_line, context):
            context.imports |= {import_line} - {""}
            return text
        tried = text
    name = f"{type(type_).__module__}.{type(type_).__qualname__}"
    reason = f"{tried} has not the same SQL" if tried else "it is not defined at the top of a module"
    raise MigrationError(
        f"The type {name} cannot be written to a revision, and nothing was written: {reason}. Store each "
        "argument of its __init__ in an attribute of the same name, or write a __repr__ that returns the "
        "call which makes the type."
    )


def _candidates(type_: TypeEngine[Any], context: AutogenContext) -> Iterator[tuple[str, str]]:
    """Yield expressions, the first choice first, with the import that each one needs."""
    if text := render_enum(type_, context):
        yield text, ""
    names = ((cls, _public_name(cls)) for cls in type(type_).__mro__)
    stock, (prefix, import_line) = next((cls, name) for cls, name in names if name)  # at least TypeEngine
    if isinstance(type_, DOMAIN):
        domain = _compat.shallow_copy(type_)
        if getattr(context.dialect, "name", "") == "postgresql":  # compare/domains.py creates it
            domain.create_type = False
        yield _compat.render_domain(domain, context), import_line
    elif stock not in BASES:
        if not import_line:
            prefix = (context.opts.get("sqlalchemy_module_prefix") or "") + prefix
        yield prefix + _repr_as(type_, stock, context), import_line
    if stock is type(type_):
        if isinstance(type_, TypeDecorator):  # such as a PickleType with a pickler
            yield render_type(type_.impl_instance, context), ""
    elif (own_prefix := context.opts.get("user_module_prefix")) is not None:
        yield f"{own_prefix}{type_!r}", UNKNOWN
    elif module := _module(type(type_)):
        yield f"{module}.{_repr_as(type_, type(type_), context)}", f"import {module}"


def _public_name(cls: type) -> tuple[str, str] | None:
    """Return the prefix of a type of SQLAlchemy, and its import. None for private types and all others."""
    root, *parts = cls.__module__.split(".")
    if root != "sqlalchemy":
        return None
    if parts[0] == "dialects":
        module = import_module(f"sqlalchemy.dialects.{parts[1]}")
        if getattr(module, cls.__name__, None) is cls:
            return f"{parts[1]}.", f"from sqlalchemy.dialects import {parts[1]}"
    elif getattr(sqlalchemy, cls.__name__, None) is cls:
        return "", ""
    elif getattr(sqlalchemy.types, cls.__name__, None) is cls:
        return "types.", ""
    return None


def _module(cls: type) -> str | None:
    """Return the outermost module that has the class: the one that its package documents."""
    parts = cls.__module__.split(".")
    names = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
    found = (name for name in names if getattr(sys.modules.get(name), cls.__name__, None) is cls)
    return next(found, None)


def _repr_as(type_: TypeEngine[Any], cls: type, context: AutogenContext) -> str:
    """Return the repr() that the type would have as an object of this class, with nested types rendered."""
    as_cls = _compat.shallow_copy(type_, cls)
    for name in NESTED:
        if isinstance(nested := getattr(type_, name, None), TypeEngine):
            setattr(as_cls, name, _Code(_compat.render_type(nested, context)))
    return repr(as_cls)


class _Code:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _has_same_sql(type_: TypeEngine[Any], text: str, import_line: str, context: AutogenContext) -> bool:
    names: dict[str, Any] = {
        (context.opts.get("sqlalchemy_module_prefix") or "sa.").rstrip("."): sqlalchemy,
    }
    try:
        exec("\n".join({*context.imports, import_line}), names)  # noqa: S102 - the code that the revision
        made = eval(text, names)  # noqa: S307 - will run
    except Exception:  # noqa: BLE001 - a repr() that is no call, or a call that fails: the next candidate
        return False
    return isinstance(type_, NullType) or (
        _sql(made, context) == (wanted := _sql(type_, context)) and any(wanted)
    )


def _sql(type_: TypeEngine[Any], context: AutogenContext) -> list[str | None]:
    """Return the SQL of the type without its variants, for each engine that has it."""
    bare = _compat.shallow_copy(type_)
    _compat.clear_variants(bare)
    found: list[str | None] = []
    for dialect in _dialects(context).values():
        try:
            found.append(bare.compile(dialect))
        except Exception:  # noqa: BLE001 - CompileError, or what the application's get_col_spec() raises
            found.append(None)
    return found
