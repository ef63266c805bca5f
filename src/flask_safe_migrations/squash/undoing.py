"""Takes a squash back: the archive's files return, the baseline goes; what was interrupted is healed too."""

from pathlib import Path

from alembic.script import ScriptDirectory

from ..errors import MigrationError
from ..history import chain
from . import moving


def undo(migrations: Path) -> list[str]:
    """Return the names of the files that are back; raises MigrationError where there is nothing to undo."""
    versions = migrations / "versions"
    folder = moving.last(versions)
    if folder is None:
        raise MigrationError(
            "There is nothing to take back: migrations/archive has no files of a squash whose baseline is "
            "still there; once it is committed, `git revert` takes it back."
        )
    files = moving.put_back(versions, folder)
    chain.write(ScriptDirectory(migrations))
    moving.forget(folder)
    return files
