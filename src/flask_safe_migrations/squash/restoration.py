"""Takes a squash back: the archive's files return, the baseline goes; what was interrupted is healed too."""

from alembic.script import ScriptDirectory

from ..errors import MigrationError
from ..revisions import files, manifest
from . import archive


def undo(script: ScriptDirectory) -> list[str]:
    """Return the names of the files that are back; raises MigrationError where there is nothing to undo."""
    folder = archive.last(script)
    if folder is None:
        raise MigrationError(
            "There is nothing to take back: migrations/archive has no files of a squash whose baseline is "
            "still there; once it is committed, `git revert` takes it back."
        )
    names = archive.put_back(script, folder)
    manifest.write(files.reloaded(script))
    archive.forget(folder)
    return names
