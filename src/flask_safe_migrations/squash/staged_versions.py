"""A folder with the revisions as they would be: the baseline in the place of those that are folded."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.script import ScriptDirectory

from ..revisions import files
from .selection import Fold


class StagedVersions:
    def __init__(self, folder: Path, script: ScriptDirectory, name: str) -> None:
        self.folder, self.script, self.baseline = folder, script, folder / name

    def write(self, text: str) -> ScriptDirectory:
        """Put the baseline in; return the revisions, loaded anew."""
        self.baseline.write_text(text, encoding="utf-8")
        shutil.rmtree(self.folder / "__pycache__", ignore_errors=True)  # of the same second and size
        return ScriptDirectory(
            self.script.dir,
            file_template=self.script.file_template,
            version_locations=[str(self.folder)],
            timezone=self.script.timezone,
            recursive_version_locations=True,
        )


@contextmanager
def stage(script: ScriptDirectory, fold: Fold, name: str) -> Iterator[StagedVersions]:
    """Yield a copy of versions/, without what is folded; it is gone at the end."""
    folded = {Path(each.path).resolve() for each in fold.folded}
    with tempfile.TemporaryDirectory(prefix="squash-") as work:
        folder = Path(work) / "versions"

        def ignore(place: str, names: list[str]) -> list[str]:
            return [
                each for each in names if each == "__pycache__" or (Path(place, each).resolve() in folded)
            ]

        folder.mkdir()
        for number, versions in enumerate(files.folders(script)):
            shutil.copytree(versions, folder / str(number), ignore=ignore)
        yield StagedVersions(folder, script, name)
