"""Running revisions: the checks before, the progress output, and the error messages."""

from ..context import Recorder
from .runner import build, directory, fingerprints, look, run, shadow, shadow_at

__all__ = ["Recorder", "build", "directory", "fingerprints", "look", "run", "shadow", "shadow_at"]
