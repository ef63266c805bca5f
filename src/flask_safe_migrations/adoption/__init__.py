"""A database that others have made is compared with the models, gets their names, and is taken in."""

from ..engines.parts import renamings
from .comparing import Comparison, compare
from .naming import give_names

__all__ = ["Comparison", "compare", "give_names", "renamings"]
