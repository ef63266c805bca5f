"""Folds a chain of revisions into one baseline that leaves the same schema and the same rows."""

from .asking import Question, questions
from .folding import Fold, fold
from .moving import unfinished
from .undoing import undo
from .writing import Squashed, squash

__all__ = ["Fold", "Question", "Squashed", "fold", "questions", "squash", "undo", "unfinished"]
