"""Finds revisions that cannot be printed as SQL, because they want a connection or read from one."""

import io
import traceback
from pathlib import Path

from alembic import command
from alembic.script import Script

from ..errors import MigrationError
from ..runtime.heads import alembic_config


def unrendered(revisions: list[Script]) -> list[str]:
    """Print these and all that come after them; say at which place that fails."""
    start = revisions[0].down_revision
    config = alembic_config()
    config.output_buffer = io.StringIO()
    try:
        command.upgrade(config, f"{start if isinstance(start, str) else 'base'}:head", sql=True)
    except MigrationError as error:
        return [error.message]
    except Exception as error:  # noqa: BLE001 - whatever a revision does without a connection
        files = {Path(revision.path).name for revision in revisions}
        frames = [
            (Path(frame.filename).name, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)
        ]
        place = [f"{file}, line {line}: " for file, line in frames if file in files][-1:]
        return [f"{''.join(place)}{type(error).__name__}: {error}; there is no connection here"]
    return []
