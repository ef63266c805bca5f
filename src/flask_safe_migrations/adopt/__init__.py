"""A database that others have made is compared with the models, gets their names, and is taken in."""

from ..backends.constraints import constraint_renames
from .comparison import Comparison, compare
from .constraint_names import give_names

__all__ = ["Comparison", "compare", "constraint_renames", "give_names"]
