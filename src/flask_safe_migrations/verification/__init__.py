"""A revision is proved before it is handed over: up and down, and again with rows."""

from .round_trip import Proof, ProofError

__all__ = ["Proof", "ProofError"]
