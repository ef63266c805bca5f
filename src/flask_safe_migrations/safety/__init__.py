"""What a revision does in plain words, what is dangerous about it, and the safe code to write instead."""

from .breaking import breaking
from .describe import describe
from .recorder import Recorded, recording
from .report import Finding, disabled, warnings

__all__ = ["Finding", "Recorded", "breaking", "describe", "disabled", "recording", "warnings"]
