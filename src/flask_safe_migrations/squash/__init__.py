"""Replaces a chain of revisions by one baseline that creates the same schema and the same rows."""

from .archive import undo
from .baseline import Baseline, compose_baseline
from .questions import Question, list_questions
from .selection import Fold, select_revisions

__all__ = ["Baseline", "Fold", "Question", "compose_baseline", "list_questions", "select_revisions", "undo"]
