"""Puts boxes into layers: each one on the right of those that it refers to."""

from collections import defaultdict
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

BOX_GAP = 26.0  # between two boxes of a layer
STUB = 32.0  # the straight end of a line at a box


class Line(NamedTuple):
    """A line from one box to another; each offset is a distance from the top of its box.

    :param weak: whether it is turned around first where lines form a circle.
    """

    source: str
    source_offset: float
    target: str
    target_offset: float
    weak: bool = False


def assign_layers(sizes: dict[str, tuple[float, float]], lines: Iterable[Line]) -> dict[str, int]:
    """Put each box on the right of those that it refers to, and on the next layer where one is full."""
    parents = _without_circles(sizes, lines)
    children: dict[str, set[str]] = defaultdict(set)
    for child, above in parents.items():
        for parent in above:
            children[parent].add(child)
    order = list(TopologicalSorter(parents).static_order())
    depth: dict[str, int] = {}
    for key in reversed(order):
        depth[key] = 1 + max((depth[child] for child in children[key]), default=0)
    area = sum((width + 2 * STUB + 40) * (height + BOX_GAP) for width, height in sizes.values())
    limit = max([sqrt(area), *(height + BOX_GAP for _, height in sizes.values())])
    heights: dict[int, float] = defaultdict(float)
    layer: dict[str, int] = {}

    def fits(key: str, number: int) -> bool:
        return heights[number] + sizes[key][1] + BOX_GAP <= limit

    def put(key: str, candidates: Iterable[int]) -> None:
        number = next(each for each in candidates if fits(key, each))
        layer[key] = number
        heights[number] += sizes[key][1] + BOX_GAP

    # Those with the longest way below them first: the rest has room anywhere.
    ready = sorted((key for key in order if not parents[key]), key=lambda key: (-depth[key], key))
    waiting = {key: len(parents[key]) for key in order}
    while ready:
        key = ready.pop(0)
        lowest = 1 + max((layer[parent] for parent in parents[key]), default=-1)
        put(key, range(lowest, lowest + len(sizes) + 1))
        for child in sorted(children[key], key=lambda child: (-depth[child], child)):
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    for key in order:  # one that refers to nothing goes next to those that refer to it
        if not parents[key] and children[key]:
            heights[layer[key]] -= sizes[key][1] + BOX_GAP
            put(key, range(min(layer[child] for child in children[key]) - 1, layer[key] - 1, -1))
    numbers = {number: index for index, number in enumerate(sorted(set(layer.values())))}
    return {key: numbers[number] for key, number in layer.items()}


def _without_circles(sizes: Iterable[str], lines: Iterable[Line]) -> dict[str, set[str]]:
    """Return the boxes that each one refers to; in a circle, one line counts the other way round."""
    arcs = {(line.source, line.target): line.weak for line in lines if line.source != line.target}
    parents: dict[str, set[str]] = {key: set() for key in sizes}
    for parent, child in arcs:
        parents[child].add(parent)
    while True:
        try:
            order = {key: number for number, key in enumerate(TopologicalSorter(parents).static_order())}
            break
        except CycleError as error:
            circle: list[str] = error.args[1]
            steps = pairwise(circle)
            parent, child = min(steps, key=lambda step: (not arcs[step], step))
            parents[child].discard(parent)
    directed: dict[str, set[str]] = {key: set() for key in order}
    for arc in arcs:
        parent, child = sorted(arc, key=order.__getitem__)
        directed[child].add(parent)
    return directed
