"""How a database is copied and replaced: throwaway databases, snapshots, `flask db rebuild`."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from . import shadow_cache
from .reaching import Reaching

if TYPE_CHECKING:
    from .base import Database


class Keeping(Reaching):
    # How a snapshot's file name ends.
    suffix: ClassVar[str]

    @property
    def cheap_snapshots(self) -> bool:
        """Whether one is so cheap that it is taken unasked."""
        return False

    def shadow(self) -> AbstractContextManager["Database"]:
        """A throwaway database on the same engine, empty; dropped at the end."""
        raise NotImplementedError

    def anew(self) -> None:
        """Make this throwaway database empty again."""
        self.drop()
        self.create()

    def keep(self, key: str) -> None:
        """Keep what this throwaway database holds, for `recall`; it only saves time, so it never raises."""
        shadow_cache.keep(self, key)

    def recall(self, keys: Sequence[str]) -> str | None:
        """Fill this throwaway database, which is empty, with the first of these that was kept."""
        return shadow_cache.recall(self, keys)

    def save(self, target: Path) -> None:
        """Write a consistent snapshot into the file `target`, which is empty; raises MigrationError."""
        raise NotImplementedError

    def save_as(self, path: Path) -> None:
        """Write a snapshot under this name, all of it or nothing, readable by its owner only."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        unfinished.touch(mode=0o600)
        try:
            self.save(unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def load(self, source: Path) -> None:
        """Fill this database, which is new and empty, from a snapshot."""
        raise NotImplementedError

    def rebuild(self, fill: Callable[..., None]) -> None:
        """Put a database made by `fill` in the place of this one; where `fill` fails, this one stays."""
        raise NotImplementedError
