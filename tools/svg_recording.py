"""Draws recordings of a terminal as an SVG, which plays them once, without a script, and then stays."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

import pyte
from recording import Recording

CELL, LINE, MARGIN, TITLE = 8.4, 20, 20, 36  # pixels
TYPING = 0.04  # seconds for each character of a command
MAX_PAUSE = 1.2  # seconds: who watches does not want to wait
# pyte's names of colours; those of the pages in the dark.
COLORS = {"green": "#54c894", "red": "#ff8d82", "brown": "#f0b45c", "cyan": "#79c7e3", "blue": "#93b5ff"}
STYLE = """
text { font: 14px ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  fill: #e7ece9; white-space: pre }
.b { font-weight: 700 }
.typed { animation: type linear backwards }
.shown { animation: show 1ms backwards }
@keyframes type { from { clip-path: inset(0 100% 0 0) } to { clip-path: inset(0 -1em 0 0) } }
@keyframes show { from { opacity: 0 } to { opacity: 1 } }
@media (prefers-reduced-motion: reduce) { .typed, .shown { animation: none } }
"""


@dataclass
class Line:
    """One line: its characters in pyte's form, when it appears, and how long it is typed."""

    cells: list[Any]
    at: float
    typing: float = 0


def draw(title: str, description: str, commands: Iterable[tuple[str, Recording]]) -> str:
    """Return the SVG of commands that were run one after the other, with what each has printed."""
    lines = list(_lines(commands))
    columns = max(len(line.cells) for line in lines)
    width = round(columns * CELL + 2 * MARGIN)
    height = TITLE + LINE * len(lines) + MARGIN
    body = "\n".join(filter(None, (_draw_line(line, row) for row, line in enumerate(lines))))
    dots = "".join(f'<circle cx="{20 + 18 * n}" cy="18" r="5.5" fill="#2d3740"/>' for n in range(3))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" \
viewBox="0 0 {width} {height}" role="img" aria-labelledby="title description">
<title id="title">{escape(title)}</title>
<desc id="description">{escape(description)}</desc>
<style>{STYLE}</style>
<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="10" fill="#11161a" stroke="#2d3740"/>
{dots}
{body}
</svg>
"""


def _lines(commands: Iterable[tuple[str, Recording]]) -> Iterator[Line]:
    now = 0.5
    for number, (command, recording) in enumerate(commands):
        if number:
            yield Line([], now)
        typing = TYPING * len(command)
        prompt = pyte.Screen(len(command) + 2, 1)
        pyte.Stream(prompt).feed(f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m")
        yield Line(_cells(prompt, 0), now, typing)
        now += typing + 0.3
        screen, appeared = _replay(recording)
        last = 0.0
        for row, at in enumerate(appeared):
            now += min(max(at - last, 0), MAX_PAUSE)
            last = max(at, last)
            yield Line(_cells(screen, row), now)
        now += MAX_PAUSE


def _cells(screen: pyte.Screen, row: int) -> list[Any]:
    """Return the characters of a line, without the empty ones at its end."""
    return [screen.buffer[row][column] for column in range(len(screen.display[row].rstrip()))]


def _replay(recording: Recording) -> tuple[pyte.Screen, list[float]]:
    """Return the screen at the end, and for each of its lines when that got its last change."""
    screen = pyte.Screen(recording.columns, recording.rows)
    stream = pyte.ByteStream(screen)
    before, appeared = list(screen.display), [0.0] * recording.rows
    for at, chunk in recording.chunks:
        stream.feed(chunk)
        for row in screen.dirty:
            if screen.display[row] != before[row]:
                appeared[row], before[row] = at, screen.display[row]
        screen.dirty.clear()
    used = max((row for row, line in enumerate(before) if line.strip()), default=-1) + 1
    return screen, appeared[:used]


def _draw_line(line: Line, row: int) -> str:
    runs, column = [], 0
    for (color, bold), cells in groupby(line.cells, lambda cell: (cell.fg, cell.bold)):
        text = "".join(cell.data for cell in cells)
        if text.strip():
            fill = f' fill="{COLORS[color]}"' if color in COLORS else ""
            weight = ' class="b"' if bold else ""
            # The exact width, because a reader's font may be narrower.
            place = f'x="{MARGIN + column * CELL:g}" textLength="{len(text) * CELL:g}"'
            runs.append(f"<tspan {place}{weight}{fill}>{escape(text)}</tspan>")
        column += len(text)
    if not runs:
        return ""
    seconds = f"animation-delay:{line.at:.2f}s"
    if line.typing:
        seconds += f";animation-duration:{line.typing:.2f}s"
        seconds += f";animation-timing-function:steps({len(line.cells)})"
    kind = "typed" if line.typing else "shown"
    y = TITLE + LINE * (row + 1) - 6
    return f'<text y="{y}" class="{kind}" style="{seconds}">{"".join(runs)}</text>'
