"""The revisions as they run: what is looked at before, told meanwhile, and said when one fails."""

from ..context import Recorder
from .runner import build, directory, fingerprints, look, run, shadow

__all__ = ["Recorder", "build", "directory", "fingerprints", "look", "run", "shadow"]
