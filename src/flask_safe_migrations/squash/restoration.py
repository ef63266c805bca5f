"""Takes a squash back: the archive's files return, the baseline goes; what was interrupted is healed too."""

from pathlib import Path

from alembic.script import ScriptDirectory

from ..errors import MigrationError
from ..revisions import manifest
from . import archive


def undo(migrations: Path) -> list[str]:
    """Return the names of the files that are back; raises MigrationError where there is nothing to undo."""
    versions = migrations / "versions"
    folder = archive.last(versions)
    if folder is None:
        raise MigrationError(
            "There is nothing to take back: migrations/archive has no files of a squash whose baseline is "
            "still there; once it is committed, `git revert` takes it back."
        )
    files = archive.put_back(versions, folder)
    manifest.write(ScriptDirectory(migrations))
    archive.forget(folder)
    return files
