"""Gives each vertical line between two layers a track, with few crossings and none on top of another."""

from typing import NamedTuple

TRACK = 10.0  # between two vertical lines


class Net(NamedTuple):
    """All lines from one point of a box towards the same side: they share their way."""

    source: str
    offset: float
    step: int


# Where the lines of each net arrive on the left and on the right, from the top.
Pins = dict[Net, tuple[set[float], set[float]]]


def assign_tracks(pins: Pins) -> dict[Net, int]:
    """Return the number of the track of each net that needs a vertical line, from the left."""
    ends = {net: _Vertical(*both) for net, both in pins.items()}
    ends = {net: vertical for net, vertical in ends.items() if vertical.high - vertical.low > 0.5}
    order: list[Net] = []
    for net in sorted(ends, key=lambda net: (ends[net].low, ends[net].high)):
        costs = [
            sum(ends[each].crossings(ends[net]) for each in order[:place])
            + sum(ends[net].crossings(ends[each]) for each in order[place:])
            for place in range(len(order) + 1)
        ]
        order.insert(costs.index(min(costs)), net)
    numbers: dict[Net, int] = {}
    for net in order:
        beside = [number for other, number in numbers.items() if ends[other].is_beside(ends[net])]
        numbers[net] = max(beside, default=-1) + 1
    return numbers


class _Vertical:
    """The vertical line of a net between two layers, and the horizontal ones that end in it."""

    def __init__(self, left: set[float], right: set[float]) -> None:
        self.left, self.right = left, right
        self.low, self.high = min(left | right), max(left | right)

    def crossings(self, other: "_Vertical") -> int:
        """Return how bad it is for this one to be on the left of the other."""
        crossed = sum(other.low < y < other.high for y in self.right)
        crossed += sum(self.low < y < self.high for y in other.left)
        on_top = sum(abs(one - two) < 5 for one in self.right for two in other.left)
        return crossed + 100 * on_top

    def is_beside(self, other: "_Vertical") -> bool:
        return self.low - TRACK < other.high and other.low - TRACK < self.high
