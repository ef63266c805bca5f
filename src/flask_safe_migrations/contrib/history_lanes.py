"""Gives each revision of a history a lane, as `git log --graph` does, and draws it with characters."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..api.history import HistoryRevision

DOTS = {"applied": "●", "pending": "○", "half applied": "✗", "partly applied": "◐", None: "•"}


class Row(NamedTuple):
    """A revision in its lane.

    :param active: the lanes that pass this row, with its own.
    :param joined: the lanes on the right that end here, because their revisions come after this one.
    :param forked: the lanes of its other parents.
    :param started: those of them that begin here.
    """

    revision: HistoryRevision
    lane: int
    active: frozenset[int]
    joined: tuple[int, ...]
    forked: tuple[int, ...]
    started: frozenset[int]


def assign_lanes(revisions: Sequence[HistoryRevision]) -> list[Row]:
    """Return the revisions, newest first, each with its lane."""
    known = {each.revision for each in revisions}
    lanes: list[str | None] = []  # which revision each lane leads to
    rows = []
    for each in revisions:
        own = [number for number, waited in enumerate(lanes) if waited == each.revision]
        lane, joined = (own[0], own[1:]) if own else (_find_free(lanes), [])
        for number in joined:
            lanes[number] = None
        parents = [parent for parent in each.parents if parent in known]
        lanes[lane] = parents[0] if parents else None
        active = frozenset(number for number, waited in enumerate(lanes) if waited) | {lane}
        forked, started = [], []
        for parent in parents[1:]:
            number = lanes.index(parent) if parent in lanes else _find_free(lanes)
            started += [number] if lanes[number] is None else []
            lanes[number] = parent
            forked.append(number)
        rows.append(Row(each, lane, active, tuple(joined), tuple(forked), frozenset(started)))
    return rows


def _find_free(lanes: list[str | None]) -> int:
    for number, waited in enumerate(lanes):
        if waited is None:
            return number
    lanes.append(None)
    return len(lanes) - 1


def draw_lanes(rows: Iterable[Row]) -> list[tuple[str, Row | None]]:
    """Return the lines of a picture in characters; those of a revision with its row."""
    lines: list[tuple[str, Row | None]] = []
    for row in rows:
        if row.joined:
            ends = dict.fromkeys(row.joined, "╯")
            lines.append((_connect(row.lane, ends, row.active | set(row.joined)), None))
        marks = dict.fromkeys(row.active, "│") | {row.lane: DOTS[row.revision.state]}
        lines.append((_draw(marks), row))
        if row.forked:
            ends = {number: _corner(number, row) for number in row.forked}
            lines.append((_connect(row.lane, ends, row.active), None))
    return lines


def _corner(number: int, row: Row) -> str:
    if number in row.started:
        return "╮" if number > row.lane else "╭"
    return "┤" if number > row.lane else "├"


def _connect(lane: int, ends: dict[int, str], active: Iterable[int]) -> str:
    """Draw a horizontal line from a lane to others, over those between."""
    first, last = min([lane, *ends]), max([lane, *ends])
    marks = dict.fromkeys(active, "│") | ends
    for number in range(first + 1, last):
        through = {"╯": "┴", "╮": "┬", "╭": "┬"}
        marks[number] = through.get(ends.get(number, ""), "┼" if number in marks else "─")
    marks[lane] = "├" if lane == first else "┤" if lane == last else "┼"
    return _draw(marks, first, last)


def _draw(marks: dict[int, str], first: int = 0, last: int = 0) -> str:
    parts = []
    for number in range(max(marks) + 1):
        parts.append(marks.get(number, " "))
        parts.append("─" if first <= number < last else " ")
    return "".join(parts).rstrip()
