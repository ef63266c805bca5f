"""List revisions that Flask-Migrate's own commands have written in migrations/HEAD."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from .. import runtime
from ..revisions import manifest


def listed(callback: Callable[..., Any] | None) -> Callable[..., Any] | None:
    if callback is None:
        return None

    @wraps(callback)
    def run(*arguments: Any, **options: Any) -> None:
        callback(*arguments, **options)
        manifest.add(runtime.directory())

    return run
