"""Files in the instance folder that keep a result for the next command, or the next start of the server."""

import json
import os
from contextlib import suppress
from typing import Any

from .settings import Settings


def load(settings: Settings, name: str) -> dict[str, Any]:
    """Return the content of a file, empty if there is none."""
    with suppress(OSError, ValueError):
        return dict(json.loads((settings.instance_folder / name).read_text(encoding="utf-8")))
    return {}


def store(settings: Settings, name: str, content: dict[str, Any]) -> None:
    """Write a file. In a folder that is not writable, only time is lost."""
    path = settings.instance_folder / name
    with suppress(OSError):
        unfinished = path.with_name(f"{name}.{os.getpid()}")
        unfinished.write_text(json.dumps(content), encoding="utf-8")
        unfinished.replace(path)
