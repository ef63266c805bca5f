"""Places boxes of different sizes in layers, and lines between them that cross no box.

The method of Sugiyama: the boxes that others refer to are on the left; a line that passes a layer has a place
of its own in it; the order within a layer is the one with the fewest crossings found. Lines from one point of
a box share their way. (The kept packages do not fit: igraph knows no sizes, grandalf routes through boxes,
Graphviz is a program of the system.)
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median
from typing import NamedTuple

from .layer_assignment import BOX_GAP, STUB, Line, assign_layers
from .track_assignment import TRACK, Net, Pins, assign_tracks

ASPECT = 1.5  # the width of a picture to its height, about
LANE = 12.0  # the height of a line that passes a layer
COMPONENT_GAP = 56.0
ROUNDS = 12

Point = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """The top left corner of each box, and the corners of each line from its source to its target."""

    width: float
    height: float
    positions: dict[str, Point]
    routes: list[list[Point]]


class Node(NamedTuple):
    """A box, or the place where the lines of a net pass a layer."""

    key: str
    net: Net | None = None


class Link(NamedTuple):
    """A piece of a net between two neighbouring layers; each offset counts from the top of its node."""

    net: Net
    left: Node
    left_offset: float
    right: Node
    right_offset: float


def lay_out(sizes: dict[str, tuple[float, float]], lines: Sequence[Line]) -> Layout:
    """Place boxes, given by their width and height, and the lines between them.

    Example::

        layout = lay_out({"users": (200, 80), "posts": (200, 120)}, [Line("users", 40, "posts", 60)])

    :param lines: both ends are in `sizes`; a line may lead from a box to itself.
    """
    parts = []
    for keys in _find_components(sizes, lines):
        indexes = [number for number, line in enumerate(lines) if line.source in keys]
        own = {key: sizes[key] for key in sizes if key in keys}
        parts.append((indexes, _Component(own, [lines[number] for number in indexes]).lay_out()))
    return _pack(parts, len(lines))


def _find_components(sizes: dict[str, tuple[float, float]], lines: Sequence[Line]) -> list[set[str]]:
    component = {key: {key} for key in sizes}
    for line in lines:
        one, other = component[line.source], component[line.target]
        if one is not other:
            small, large = sorted((one, other), key=len)
            large |= small
            for key in small:
                component[key] = large
    return list({id(keys): keys for keys in component.values()}.values())


def _pack(parts: list[tuple[list[int], Layout]], count: int) -> Layout:
    """Put the components into rows, the highest first."""
    gap = COMPONENT_GAP
    area = sum((part.width + gap) * (part.height + gap) for _, part in parts)
    limit = max([sqrt(area * ASPECT), *(part.width for _, part in parts)])
    positions: dict[str, Point] = {}
    routes: list[list[Point]] = [[] for _ in range(count)]
    left = top = row = width = 0.0
    for indexes, part in sorted(parts, key=lambda item: -item[1].height):
        if left and left + part.width > limit:
            left, top, row = 0.0, top + row + gap, 0.0
        positions |= {key: (x + left, y + top) for key, (x, y) in part.positions.items()}
        for number, route in zip(indexes, part.routes, strict=True):
            routes[number] = [(x + left, y + top) for x, y in route]
        row = max(row, part.height)
        width = max(width, left + part.width)
        left += part.width + gap
    return Layout(width, top + row, positions, routes)


class _Component:
    """Boxes that are all connected."""

    def __init__(self, sizes: dict[str, tuple[float, float]], lines: list[Line]) -> None:
        self.sizes, self.lines = sizes, lines
        self.layer = assign_layers(sizes, lines)
        count = max(self.layer.values()) + 1
        self.layers: list[list[Node]] = [[] for _ in range(count)]
        self.links: list[list[Link]] = [[] for _ in range(count)]  # on the right of each layer
        self.lanes: dict[tuple[Net, int], Node] = {}
        self.top: dict[Node, float] = {}

    def lay_out(self) -> Layout:
        for key, layer in self.layer.items():
            self.layers[layer].append(Node(key))
        for line in self.lines:
            self._add_links(line)
        self.links = [list(dict.fromkeys(links)) for links in self.links]
        self._sort_layers()
        self._align()
        return self._route()

    def _net(self, line: Line) -> Net:
        step = -1 if self.layer[line.target] < self.layer[line.source] else 1
        return Net(line.source, line.source_offset, step)

    def _add_links(self, line: Line) -> None:
        """Add the pieces of a line from layer to layer."""
        net = self._net(line)
        end = self.layer[line.target]
        node, offset = Node(line.source), line.source_offset
        for layer in range(self.layer[line.source], end, net.step):
            if layer + net.step == end:
                other, other_offset = Node(line.target), line.target_offset
            else:
                other, other_offset = self._lane(net, layer + net.step), LANE / 2
            ends = [(node, offset), (other, other_offset)][:: net.step]
            self.links[min(layer, layer + net.step)].append(Link(net, *ends[0], *ends[1]))
            node, offset = other, other_offset

    def _lane(self, net: Net, layer: int) -> Node:
        if (net, layer) not in self.lanes:
            self.lanes[net, layer] = node = Node(f"{layer}", net)
            self.layers[layer].append(node)
        return self.lanes[net, layer]

    def _height(self, node: Node) -> float:
        return LANE if node.net else self.sizes[node.key][1]

    def _neighbours(self, layer: int, *, left: bool, right: bool) -> dict[Node, list[float]]:
        """Return where the top of each node of a layer would be for each line to be straight."""
        wanted: dict[Node, list[float]] = defaultdict(list)
        for link in self.links[layer - 1] if left and layer else []:
            wanted[link.right].append(self.top[link.left] + link.left_offset - link.right_offset)
        for link in self.links[layer] if right else []:
            wanted[link.left].append(self.top[link.right] + link.right_offset - link.left_offset)
        return wanted

    def _stack(self, layer: int) -> None:
        top = 0.0
        for node in self.layers[layer]:
            self.top[node] = top
            top += self._height(node) + BOX_GAP

    def _sort_layers(self) -> None:
        """Sweep over the layers, sort each by its neighbours, and keep the best order."""
        for layer in range(len(self.layers)):
            self._stack(layer)
        best, fewest = [list(layer) for layer in self.layers], self._count_crossings()
        for round_ in range(ROUNDS):
            if not fewest:
                break
            forward = round_ % 2 == 0
            order = range(len(self.layers))
            for layer in order if forward else reversed(order):
                wanted = self._neighbours(layer, left=forward, right=not forward)
                # A node without neighbours on this side stays about where it is.
                middle = {
                    node: _mean(wanted[node]) if wanted.get(node) else self.top[node]
                    for node in self.layers[layer]
                }
                self.layers[layer].sort(key=middle.__getitem__)
                self._stack(layer)
            crossings = self._count_crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best
        self._swap_neighbours()

    def _swap_neighbours(self) -> None:
        """Swap two nodes that stand next to each other where that removes crossings."""
        for layer, nodes in enumerate(self.layers):
            self._stack(layer)
            if len(nodes) > 60:
                continue
            around = [index for index in (layer - 1, layer) if 0 <= index < len(self.links) - 1]
            for _ in range(2):
                for number in range(len(nodes) - 1):
                    before = sum(map(self._count_in_gap, around))
                    if not before:
                        break
                    nodes[number : number + 2] = nodes[number : number + 2][::-1]
                    self._stack(layer)
                    if sum(map(self._count_in_gap, around)) >= before:
                        nodes[number : number + 2] = nodes[number : number + 2][::-1]
                        self._stack(layer)

    def _count_crossings(self) -> int:
        return sum(map(self._count_in_gap, range(len(self.links))))

    def _count_in_gap(self, gap: int) -> int:
        ends = sorted(
            (self.top[link.left] + link.left_offset, self.top[link.right] + link.right_offset)
            for link in self.links[gap]
        )
        seen: list[float] = []
        crossings = 0
        for _, right in ends:
            crossings += len(seen) - bisect_left(seen, right + 0.1)
            insort(seen, right)
        return crossings

    def _align(self) -> None:
        """Move the nodes of each layer, in their order, so that lines become straight."""
        order = range(len(self.layers))
        room = max(sum(self._height(node) + _gap_below(node) for node in nodes) for nodes in self.layers)
        for round_ in range(ROUNDS):
            for layer in order if round_ % 2 == 0 else reversed(order):
                both = round_ >= ROUNDS - 4
                wanted = self._neighbours(layer, left=both or round_ % 2 == 0, right=both or round_ % 2 == 1)
                self._move(self.layers[layer], wanted, room)
        lowest = min(self.top.values())
        self.top = {node: top - lowest for node, top in self.top.items()}

    def _move(self, nodes: list[Node], wanted: dict[Node, list[float]], room: float) -> None:
        """Give each node the place it wants, or the mean where several want the same.

        (Pool adjacent violators.) All stay within the height of the highest layer.
        """
        distance, distances = 0.0, []
        blocks: list[list[float]] = []  # sum of wanted tops, weight, number of nodes
        for node in nodes:
            distances.append(distance)
            tops = wanted.get(node) or [self.top[node]]
            weight = (4.0 if node.net else 1.0) * (len(tops) if wanted.get(node) else 0.2)
            blocks.append([(median(tops) - distance) * weight, weight, 1])
            while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
                last = blocks.pop()
                blocks[-1] = [one + other for one, other in zip(blocks[-1], last, strict=True)]
            distance += self._height(node) + _gap_below(node)
        latest = room - distance
        starts = [
            min(max(total / weight, 0.0), latest)
            for total, weight, count in blocks
            for _ in range(int(count))
        ]
        for node, start, distance in zip(nodes, starts, distances, strict=True):
            self.top[node] = start + distance

    def _route(self) -> Layout:
        """Give each net its vertical lines between the layers, then each layer its place."""
        x = 0.0
        lefts, tracks = [], []
        for layer, nodes in enumerate(self.layers):
            lefts.append(x)
            x += max((self.sizes[node.key][0] for node in nodes if not node.net), default=0.0)
            verticals = self._assign_tracks(layer)
            count = max(verticals.values(), default=-1) + 1
            tracks.append({net: x + STUB + number * TRACK for net, number in verticals.items()})
            last = layer == len(self.layers) - 1
            x += (STUB + (count - 1) * TRACK if count else 0.0) if last else STUB * 2 + count * TRACK
        positions = {key: (lefts[layer], self.top[Node(key)]) for key, layer in self.layer.items()}
        routes = [self._route_line(line, positions, tracks) for line in self.lines]
        bottom = max(self.top[node] + self._height(node) for nodes in self.layers for node in nodes)
        return Layout(x, bottom, positions, routes)

    def _assign_tracks(self, layer: int) -> dict[Net, int]:
        """Return for each net with a vertical line on the right of a layer its number, from the left."""
        pins: Pins = defaultdict(lambda: (set(), set()))
        for link in self.links[layer]:
            pins[link.net][0].add(self.top[link.left] + link.left_offset)
            pins[link.net][1].add(self.top[link.right] + link.right_offset)
        for line in self.lines:
            if line.source == line.target and self.layer[line.source] == layer:
                top = self.top[Node(line.source)]
                pins[self._net(line)][0].update((top + line.source_offset, top + line.target_offset))
        return assign_tracks(pins)

    def _route_line(
        self, line: Line, positions: dict[str, Point], tracks: list[dict[Net, float]]
    ) -> list[Point]:
        net = self._net(line)
        start, end = self.layer[line.source], self.layer[line.target]
        x, y = self._side(line.source, positions, right=net.step > 0), self.top[Node(line.source)]
        y += line.source_offset
        points = [(x, y)]
        gaps = range(start, end, net.step) if start != end else (start,)
        for layer in gaps:
            gap = layer if net.step > 0 else layer - 1
            passes = layer + net.step != end and start != end
            node = self.lanes[net, layer + net.step] if passes else Node(line.target)
            next_y = self.top[node] + (LANE / 2 if passes else line.target_offset)
            if net in tracks[gap] and abs(next_y - y) > 0.5:
                points += [(tracks[gap][net], y), (tracks[gap][net], next_y)]
                y = next_y
        right = net.step < 0 or start == end
        return [*points, (self._side(line.target, positions, right=right), y)]

    def _side(self, key: str, positions: dict[str, Point], *, right: bool) -> float:
        return positions[key][0] + (self.sizes[key][0] if right else 0.0)


def _gap_below(node: Node) -> float:
    return LANE / 2 if node.net else BOX_GAP


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
