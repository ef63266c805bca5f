"""Folds a chain of revisions into one baseline that leaves the same schema and the same rows."""

from .archive import unfinished
from .baseline import Squashed, squash
from .questions import Question, questions
from .restoration import undo
from .selection import Fold, fold

__all__ = ["Fold", "Question", "Squashed", "fold", "questions", "squash", "undo", "unfinished"]
