"""Takes over a database that was not created by revisions: compares, renames constraints, stamps."""

from .comparison import Comparison, compare_with_models
from .database import adopt_at_head, adopt_at_revision, check_database, match_names, refuse_differences

__all__ = [
    "Comparison",
    "adopt_at_head",
    "adopt_at_revision",
    "check_database",
    "compare_with_models",
    "match_names",
    "refuse_differences",
]
