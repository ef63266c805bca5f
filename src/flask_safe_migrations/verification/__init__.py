"""Verifies revisions on a shadow database: round trips with rows, and the checks of `flask db verify`."""

from .round_trip import RoundTrip, RoundTripError, make_recorder

__all__ = ["RoundTrip", "RoundTripError", "make_recorder"]
