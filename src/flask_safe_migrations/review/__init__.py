"""What a revision does in plain words, what is dangerous about it, and the safe code to write instead."""

from .breaking import breaking
from .judging import Finding, warnings
from .recording import Recorded, recording
from .words import describe

__all__ = ["Finding", "Recorded", "breaking", "describe", "recording", "warnings"]
