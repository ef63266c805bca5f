"""A revision is proved before it is handed over: up and down, and again with rows."""

from .proving import Proof, UnprovedError

__all__ = ["Proof", "UnprovedError"]
