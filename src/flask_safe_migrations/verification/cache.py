"""What `flask db verify` has found to be in order, in instance/verified.json: it need not look again."""

import json
from contextlib import suppress
from datetime import UTC, datetime

from .. import settings

KEPT = 20_000  # digests; enough for many branches


class Verified:
    def __init__(self) -> None:
        self.path = settings.active().instance_folder / "verified.json"
        self.digests: dict[str, str] = {}
        with suppress(OSError, ValueError):  # none yet, or damaged: then everything is looked at again
            self.digests = dict(json.loads(self.path.read_text(encoding="utf-8")))

    def __contains__(self, digest: str) -> bool:
        return digest in self.digests

    def add(self, digest: str) -> None:
        """Remember it at once: a run that is interrupted has not been for nothing."""
        self.digests.pop(digest, None)
        self.digests[digest] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        kept = dict(list(self.digests.items())[-KEPT:])
        new = self.path.with_name(f"{self.path.name}.new")
        with suppress(OSError):  # a folder that may not be written only costs time
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(kept, indent=0), encoding="utf-8")
            new.replace(self.path)
