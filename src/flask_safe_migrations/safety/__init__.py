"""Describes what a revision does, and reports what is dangerous about it with the safe code to write."""

from .breaking_changes import find_breaking_changes
from .description import describe
from .model_differences import find_model_differences
from .recorder import RecordedOperation, record_operations
from .report import Finding, find_warnings, get_disabled_rules
from .rules import common, mysql, postgresql, raw_sql  # noqa: F401 (they register rules)

__all__ = [
    "Finding",
    "RecordedOperation",
    "describe",
    "find_breaking_changes",
    "find_model_differences",
    "find_warnings",
    "get_disabled_rules",
    "record_operations",
]
