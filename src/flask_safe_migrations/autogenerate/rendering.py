"""Render the operations of each database to code, which script.py.mako assembles.

Alembic would render all operations for the last database, whose engine may differ from the first. They are
therefore rendered here and replace the operations, where the script.py.mako of Flask-Migrate finds them.
"""

from pathlib import Path
from textwrap import dedent
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import DefaultClause, TextClause

from .. import _compat
from ..backends.escaping import escaped
from ..context import RunContext
from ..errors import MigrationError
from .type_rendering import render_type


class RenderedOp(ops.MigrateOperation):
    """Operations that are already rendered to code."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines


@renderers.dispatch_for(RenderedOp)
def _render(_context: Any, operation: RenderedOp) -> list[str]:
    return operation.lines


def render_item(kind: str, thing: Any, context: AutogenContext) -> str | bool:
    """Render an item, as `render_item` of context.configure()."""
    if kind == "server_default" and isinstance(thing, DefaultClause):
        if isinstance(thing.arg, str):
            return repr(str(thing.arg))  # Alembic would strip a quote at either end
        if thing.reflected and isinstance(thing.arg, TextClause):  # exactly as the server reported it
            return f"sa.text({escaped(thing.arg.text)!r})"
    return render_type(thing, context) if kind == "type" else False


def render_operations(bind: str | None, migration: MigrationContext, directive: ops.MigrationScript) -> None:
    """Replace the operations of this database by their code. Do nothing if there are none."""
    up, down = directive.upgrade_ops_list[-1], directive.downgrade_ops_list[-1]
    if migration.config is None or (up.is_empty() and down.is_empty()):
        return
    context = AutogenContext(migration, opts=migration.opts)
    run = RunContext.of(migration.config)
    context.imports = run.imports
    for direction in (up, down):
        lines = [line for operation in direction.ops for line in render_op(context, operation)]
        direction.ops[:] = [RenderedOp(lines)] if lines else []
    run.parts[bind] = _compat.render_operations(up, context), _compat.render_operations(down, context)
    for code in run.parts[bind]:
        _check_syntax(code)
    directive.imports |= context.imports


def _check_syntax(code: str) -> None:
    """Refuse an object whose repr() is no code, such as an option of the application for its dialect."""
    try:
        compile(dedent(code), "the revision", "exec")
    except SyntaxError as error:
        raise MigrationError(
            "The revision would not be Python, and nothing was written. It cannot have "
            f"{(error.text or '').strip()!r}: give what stands there a __repr__ that returns the call which "
            "makes it, or render it by `render_item`."
        ) from error


def name_functions(bind: str | None, migration: MigrationContext, directive: ops.MigrationScript) -> None:
    """Tell a script.py.mako of another origin how to get the code of this database."""
    environment: Any = migration.environment_context
    template = (Path(environment.script.dir) / "script.py.mako").read_text(encoding="utf-8")
    up, down = directive.upgrade_ops_list[-1], directive.downgrade_ops_list[-1]
    if "flask_safe_migrations" in template:  # it uses what `render_operations` stores in the RunContext
        return
    if "_upgrades" in template:  # the template of `flask db init --multidb`
        up.upgrade_token, down.downgrade_token = f"{bind or ''}_upgrades", f"{bind or ''}_downgrades"
    elif bind and not (up.is_empty() and down.is_empty()):
        raise MigrationError(
            f"migrations/script.py.mako has no place for what changes in the database {bind}, and nothing "
            "was written: `flask db init --replace` puts this library's in its place, and keeps yours."
        )
