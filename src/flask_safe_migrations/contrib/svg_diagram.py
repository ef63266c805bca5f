"""Renders tables as an entity-relationship diagram in SVG: one text, without scripts and outside hosts."""

from collections.abc import Callable, Iterator
from html import escape
from itertools import pairwise

from sqlalchemy import URL, MetaData

from .diagram_tables import SIGNS, Box, Reference, Row, read_tables
from .layer_assignment import Line
from .layered_layout import Point, lay_out
from .svg_document import FONT_SIZE, make_document, make_style, text_width

TITLE_SIZE = 14
ROW, HEADER, PADDING, GAP = 22.0, 34.0, 12.0, 14.0
LONGEST = 44  # characters of a name or a type; the whole text is in a tooltip
RADIUS = 7.0
MARGIN = 24.0

STYLE = (
    make_style("erd")
    + """\
.erd .box{fill:var(--surface);stroke:var(--line)}
.erd .head{fill:var(--head)}
.erd .name{font-size:14px;font-weight:700}
.erd a .name{fill:var(--accent)}
.erd a:hover .name,.erd a:focus .name{text-decoration:underline}
.erd .key{fill:var(--accent);font-weight:700}
.erd .pk,.erd .sign{font-weight:700}
.erd .type,.erd .note{fill:var(--muted)}
.erd .rule{stroke:var(--line)}
.erd .edge path{fill:none;stroke:var(--edge);stroke-width:1.4}
.erd .edge .mark{fill:var(--page)}
.erd .edge:hover path{stroke:var(--accent);stroke-width:2.4}
"""
    + "".join(
        f".erd .edge.{state} path{{stroke:var(--{state});stroke-width:2}}"
        f".erd .{state}.box{{stroke:var(--{state});stroke-width:2}}"
        f".erd .{state}.head,.erd .{state}.row{{fill:var(--{state}-soft)}}"
        f".erd .{state}.sign{{fill:var(--{state})}}\n"
        for state in ("added", "removed", "changed")
    )
)


def render_svg(metadata: MetaData, url: URL, *, link: Callable[[str], str | None] | None = None) -> str:
    """Return a diagram of all tables, with column types as the dialect of `url` has them.

    Example::

        svg = render_svg(db.metadata, db.engine.url, link=lambda table: f"/table/{table}/")

    :param link: returns the address that the name of a table leads to, or None.
    """
    boxes, references = read_tables(metadata, url.get_dialect()())
    if link:
        for box in boxes:
            box.href = link(box.name)
    return draw(boxes, references)


def draw(boxes: list[Box], references: list[Reference], title: str = "Tables and what refers to what") -> str:
    """Return the diagram.

    :param boxes: the tables. They may have states, which are shown by a colour and a sign.
    :param references: foreign keys between these tables.
    :param title: what a screen reader calls the picture.
    """
    boxes = boxes or [Box("no tables")]
    shapes = {box.name: _Shape(box) for box in boxes}
    lines = _make_lines(shapes, references)
    layout = lay_out({name: (shape.width, shape.height) for name, shape in shapes.items()}, lines)
    # In an image, a screen reader finds no links.
    role = "group" if any(box.href for box in boxes) else "img"
    parts = [shape.draw(*layout.positions[name]) for name, shape in shapes.items()]
    parts += _draw_edges(references, layout.routes)
    words = (title, _describe(boxes, references))
    return make_document("erd", (layout.width, layout.height), MARGIN, STYLE, words, parts, role=role)


def _describe(boxes: list[Box], references: list[Reference]) -> str:
    """Return the content of the picture in words."""
    tables = []
    for box in boxes:
        rows = [*box.rows, *box.notes]
        columns = ", ".join(" ".join(filter(None, [row.state, row.label or row.name])) for row in rows)
        tables.append(f"{' '.join(filter(None, [box.state, box.label or box.name]))} ({columns})")
    keys = [" ".join(filter(None, [each.state, each.title])) for each in references]
    count = f"{len(boxes)} table{'' if len(boxes) == 1 else 's'}"
    return " ".join(f"{sentence}." for sentence in [f"{count}: {'; '.join(tables)}", *keys])


def _make_lines(shapes: dict[str, "_Shape"], references: list[Reference]) -> list[Line]:
    """Return where each reference begins and ends; what would be the same place is a little apart."""
    both = {(each.parent, each.parent_columns[0]) for each in references if each.nullable} & {
        (each.parent, each.parent_columns[0]) for each in references if not each.nullable
    }
    used: dict[tuple[str, str], int] = {}
    lines = []
    for each in references:
        aside = 0.0
        if (each.parent, each.parent_columns[0]) in both:
            aside = 5.0 if each.nullable else -5.0
        start = shapes[each.parent].row_middle(each.parent_columns[0]) + aside
        key = (each.child, each.child_columns[0])
        number = used[key] = used.get(key, 0) + 1
        end = shapes[each.child].row_middle(each.child_columns[0]) + (number // 2) * 6 * (-1) ** number
        if each.parent == each.child and each.parent_columns[0] == each.child_columns[0]:
            end += 6
        lines.append(Line(each.parent, start, each.child, end, weak=each.nullable))
    return lines


class _Shape:
    """A box with the size that its texts need."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.has_signs = bool(box.state) or any(row.state for row in box.rows)
        self.texts = [
            (row.keys, row.label or row.name, row.type, row.note or ("null" if row.nullable else ""))
            for row in box.rows
        ]
        self.columns = [max(map(_width, texts)) for texts in zip(*self.texts, strict=True)]
        self.indent = PADDING + (16.0 if self.has_signs else 0.0)
        inner = sum(self.columns) + GAP * (sum(map(bool, self.columns)) - 1)
        title = _width(box.label or box.name, TITLE_SIZE)
        notes = [_width(row.name) for row in box.notes]
        self.width = self.indent + max([inner, title, 120.0, *notes]) + PADDING
        self.height = HEADER + ROW * max(len(box.rows) + len(box.notes), 1) + 6

    def row_middle(self, column: str) -> float:
        names = [row.name for row in self.box.rows]
        number = names.index(column) if column in names else 0
        return HEADER + ROW * (number + 0.5) + 3

    def draw(self, x: float, y: float) -> str:
        box, width = self.box, self.width
        title = _text("name", self.indent, 22, box.label or box.name)
        if box.href is not None:
            title = f'<a href="{escape(box.href)}">{title}</a>'
        radius, right = RADIUS, width - 0.5
        head = f"M.5 {HEADER}V{radius}Q.5 .5 {radius} .5H{width - radius:.1f}"
        head += f"Q{right:.1f} .5 {right:.1f} {radius}V{HEADER}Z"
        parts = [
            f'<g transform="translate({x:.1f} {y:.1f})">',
            _tooltip(box.comment),
            f'<rect class="box {box.state}" width="{width:.1f}" height="{self.height:.1f}" rx="{radius}"/>',
            f'<path class="head {box.state}" d="{head}"/>',
            f'<path class="rule" d="M0 {HEADER}H{width:.1f}"/>',
            self._sign(box.state, 22),
            title,
            *(self._draw_row(number, HEADER + 3 + ROW * number) for number in range(len(box.rows))),
            *(
                self._draw_note(row, HEADER + 3 + ROW * number)
                for number, row in enumerate(box.notes, len(box.rows))
            ),
            "</g>",
        ]
        return "".join(parts)

    def _sign(self, state: str, y: float) -> str:
        return _text(f"sign {state}", PADDING - 2, y, SIGNS[state]) if state else ""

    def _draw_row(self, number: int, y: float) -> str:
        row = self.box.rows[number]
        classes = ("key", "pk" if "PK" in row.keys else "column", "type", "note")
        x, parts = self.indent, [self._background(row, y)]
        for name, text, width in zip(classes, self.texts[number], self.columns, strict=True):
            parts.append(_text(name, x, y + 15, text) if text else "")
            x += width + GAP if width else 0.0
        tooltip = _tooltip(row.comment)
        return f"<g>{tooltip}{''.join(parts)}</g>" if tooltip else "".join(parts)

    def _draw_note(self, row: Row, y: float) -> str:
        return self._background(row, y) + _text("note", self.indent, y + 15, row.name)

    def _background(self, row: Row, y: float) -> str:
        if not row.state:
            return ""
        size = f'width="{self.width - 2:.1f}" height="{ROW}"'
        return f'<rect class="row {row.state}" x="1" y="{y:.1f}" {size}/>' + self._sign(row.state, y + 15)


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _width(text: str, size: float = FONT_SIZE) -> float:
    return text_width(_shorten(text), size)


def _text(name: str, x: float, y: float, text: str) -> str:
    shown = _shorten(text)
    # A font that has not all of these characters may be wider.
    size = TITLE_SIZE if name == "name" else FONT_SIZE
    fit = "" if shown.isascii() else f' textLength="{_width(text, size):.1f}" lengthAdjust="spacingAndGlyphs"'
    whole = _tooltip(text) if shown != text else ""
    return f'<text class="{name}" x="{x:.1f}" y="{y:.1f}"{fit}>{whole}{escape(shown)}</text>'


def _tooltip(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _draw_edges(references: list[Reference], routes: list[list[Point]]) -> Iterator[str]:
    """Draw lines with crow's feet. Those that begin at the same point are one path, or it would be bolder."""
    bundles: dict[tuple[str, Point], list[tuple[Reference, list[Point]]]] = {}
    for reference, route in zip(references, routes, strict=True):
        bundles.setdefault((reference.state, route[0]), []).append((reference, route))
    for (state, start), bundle in sorted(bundles.items()):
        optional = any(reference.nullable for reference, _ in bundle)
        first = _mark_one(start, bundle[0][1][1], optional=optional)
        titles = "; ".join(reference.title for reference, _ in bundle)
        drawn = [route for _, route in bundle]
        paths = "".join(
            _round_corners(_without_shared(route, drawn[:number])) for number, route in enumerate(drawn)
        )
        ends = "".join(
            f"<g><title>{escape(reference.title)}</title>{_mark_many(route[-1], route[-2], reference)}</g>"
            for reference, route in bundle
        )
        yield f'<g class="edge {state}"><title>{escape(titles)}</title><path d="{paths}"/>{first}{ends}</g>'


def _mark_one(end: Point, before: Point, *, optional: bool) -> str:
    """Draw the end at the table that is referred to: exactly one row, or also none."""
    (x, y), out = end, _sign(before[0] - end[0])
    if optional:
        return f'<path d="{_bar(x + 7 * out, y)}"/><path class="mark" d="{_circle(x + 15 * out, y)}"/>'
    return f'<path d="{_bar(x + 7 * out, y)}{_bar(x + 12 * out, y)}"/>'


def _mark_many(end: Point, before: Point, reference: Reference) -> str:
    """Draw the end at the table that refers: any number of rows, or at most one."""
    (x, y), out = end, _sign(before[0] - end[0])
    foot = f"M{x:.1f} {y - 5:.1f}L{x + 11 * out:.1f} {y:.1f}L{x:.1f} {y + 5:.1f}"
    path = _bar(x + 8 * out, y) if reference.unique else foot
    return f'<path d="{path}"/><path class="mark" d="{_circle(x + 15 * out, y)}"/>'


def _bar(x: float, y: float) -> str:
    return f"M{x:.1f} {y - 5:.1f}v10"


def _circle(x: float, y: float) -> str:
    return f"M{x - 4:.1f} {y:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0"


def _without_shared(route: list[Point], drawn: list[list[Point]]) -> list[Point]:
    """Return the part of a line that those from the same point do not have; twice drawn is darker."""
    rest, shortest = route, _length(route)
    for other in drawn:
        pairs = zip(route, other, strict=False)
        shared = next((number for number, (one, two) in enumerate(pairs) if one != two), len(other))
        if shared >= min(len(route), len(other)):
            continue
        turn, end, other_end = route[shared - 1], route[shared], other[shared]
        if _direction(turn, end) == _direction(turn, other_end):
            if _length([turn, end]) < _length([turn, other_end]):
                branch = [_step_back(end, turn), *route[shared:]]
            else:
                branch = [other_end, *route[shared:]]
        else:
            branch = [_step_back(turn, route[max(shared - 2, 0)]), *route[shared - 1 :]]
        if _length(branch) < shortest:
            rest, shortest = branch, _length(branch)
    return rest


def _length(points: list[Point]) -> float:
    return sum(abs(x2 - x1) + abs(y2 - y1) for (x1, y1), (x2, y2) in pairwise(points))


def _direction(start: Point, end: Point) -> tuple[int, int]:
    return _sign(end[0] - start[0]), _sign(end[1] - start[1])


def _step_back(corner: Point, before: Point) -> Point:
    """Return a point before a corner, from which on its curve is drawn."""
    x, y = _direction(corner, before)
    distance = min(2 * RADIUS, _length([corner, before]))
    return corner[0] + x * distance, corner[1] + y * distance


def _round_corners(points: list[Point]) -> str:
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x1, y1), (x2, y2), (x3, y3) in zip(points, points[1:], points[2:], strict=False):
        radius = min(RADIUS, (abs(x2 - x1) + abs(y2 - y1)) / 2, (abs(x3 - x2) + abs(y3 - y2)) / 2)
        before = (x2 - radius * _sign(x2 - x1), y2 - radius * _sign(y2 - y1))
        after = (x2 + radius * _sign(x3 - x2), y2 + radius * _sign(y3 - y2))
        parts.append(f"L{before[0]:.1f} {before[1]:.1f}Q{x2:.1f} {y2:.1f} {after[0]:.1f} {after[1]:.1f}")
    parts.append(f"L{points[-1][0]:.1f} {points[-1][1]:.1f}")
    return "".join(parts)


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
