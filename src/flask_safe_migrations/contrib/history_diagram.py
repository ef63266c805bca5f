"""Draws the chain of revisions as Mermaid or SVG: which are applied, pending, heads, folded by a squash."""

import re
from collections.abc import Sequence
from html import escape

from ..api.history import HistoryRevision
from .history_lanes import Row, assign_lanes
from .svg_document import make_document, make_style, text_width

LANE, ROW, DOT, MARGIN = 26.0, 40.0, 7.0, 28.0
PILL, GAP = 8.0, 10.0  # the padding of a word in a frame, and the space before it
CLASSES = {
    "applied": "applied",
    "pending": "pending",
    "half applied": "broken",
    "partly applied": "pending",
    None: "unknown",
}
STYLE = (
    make_style("chain")
    + """\
.chain .id{font-weight:700}
.chain .line{fill:none;stroke:var(--edge);stroke-width:2}
.chain .dot{fill:var(--page);stroke:var(--edge);stroke-width:2.5}
.chain .applied.dot{fill:var(--added);stroke:var(--added)}
.chain .pending.dot{stroke:var(--changed)}
.chain .broken.dot,.chain .cross{fill:none;stroke:var(--removed);stroke-width:2.5}
.chain .pill{fill:var(--surface);stroke:var(--line)}
.chain .word{fill:var(--muted)}
.chain .pending.word{fill:var(--changed)}
.chain .applied.word{fill:var(--added)}
.chain .broken.word{fill:var(--removed)}
"""
)
MERMAID_STYLES = {
    "applied": "fill:#e3f3ea,stroke:#0f6b4a,color:#18211d",
    "pending": "fill:#fdf3e0,stroke:#8a5300,color:#18211d,stroke-dasharray:5 3",
    "broken": "fill:#fdecea,stroke:#a8261d,color:#18211d,stroke-width:3px",
    "unknown": "fill:#ffffff,stroke:#56635c,color:#18211d",
}


def describe_marks(revision: HistoryRevision) -> list[str]:
    """Return the words beside a revision: head, its state, its labels, what it depends on and folds."""
    words = ["head"] if revision.is_head else []
    if len(set(revision.states.values())) > 1:
        words += [f"{name}: {state}" for name, state in revision.states.items()]
    elif revision.state:
        words.append(revision.state)
    words += [f"branch {label}" for label in revision.labels]
    words += [f"depends on {each}" for each in revision.depends_on]
    if folded := len(revision.replaces):
        words.append(f"folds {folded} revision{'' if folded == 1 else 's'}")
    return words


def draw_mermaid(revisions: Sequence[HistoryRevision]) -> str:
    """Return a flowchart, the oldest revision at the top."""
    names = {each.revision: f"r{number}" for number, each in enumerate(reversed(revisions))}
    lines = ["flowchart TB"]
    for each in reversed(revisions):
        parts = [each.revision, each.message, ", ".join(describe_marks(each))]
        label = "<br>".join(map(_escape_label, filter(None, parts)))
        lines.append(f'    {names[each.revision]}["{label}"]:::{CLASSES[each.state]}')
    for each in reversed(revisions):
        lines += [f"    {names[one]} --> {names[each.revision]}" for one in each.parents if one in names]
        lines += [f"    {names[one]} -.-> {names[each.revision]}" for one in each.depends_on if one in names]
    lines += [f"    classDef {name} {style}" for name, style in MERMAID_STYLES.items()]
    return "\n".join(lines)


def _escape_label(text: str) -> str:
    """https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters"""
    return re.sub(r'[<>"&#`\\|\[\]{}]', lambda found: f"#{ord(found[0])};", " ".join(text.split()))


def draw_svg(revisions: Sequence[HistoryRevision]) -> str:
    """Return a picture, the newest revision at the top."""
    rows = assign_lanes(revisions)
    lanes = 1 + max((max([row.lane, *row.forked]) for row in rows), default=0)
    left = lanes * LANE
    texts = [_draw_text(row, left, number * ROW) for number, row in enumerate(rows)]
    size = (max([200.0, *(end for _, end in texts)]), max(len(rows) - 1, 0) * ROW)
    described = "; ".join(
        ", ".join([each.revision, each.message, *describe_marks(each)]) for each in revisions
    )
    words = ("The chain of revisions, newest first", described or "There is no revision.")
    parts = [
        f'<path class="line" d="{_draw_lines(rows)}"/>',
        *(_draw_dot(row, number * ROW) for number, row in enumerate(rows)),
        *(text for text, _ in texts),
    ]
    return make_document("chain", size, MARGIN, STYLE, words, parts)


def _draw_lines(rows: list[Row]) -> str:
    """Draw each line in the lane in which the parent is waited for, and into the parent's lane at its end."""
    place = {row.revision.revision: (row.lane * LANE, number * ROW) for number, row in enumerate(rows)}
    paths = []
    for number, row in enumerate(rows):
        x, y = row.lane * LANE, number * ROW
        parents = [place[parent] for parent in row.revision.parents if parent in place]
        for (end_x, end_y), lane in zip(parents, [row.lane, *row.forked], strict=False):
            travel = lane * LANE
            path = f"M{x:.0f} {y:.0f}"
            if travel != x:
                path += _curve(x, y, travel, y + ROW)
            if travel != end_x and end_y - ROW >= y + (ROW if travel != x else 0):
                path += f"V{end_y - ROW:.0f}" + _curve(travel, end_y - ROW, end_x, end_y)
            elif travel != end_x:
                path = f"M{x:.0f} {y:.0f}" + _curve(x, y, end_x, end_y)
            paths.append(path + f"V{end_y:.0f}")
    return "".join(paths)


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (y1 + y2) / 2
    return f"C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"


def _draw_dot(row: Row, y: float) -> str:
    x, kind = row.lane * LANE, CLASSES[row.revision.state]
    cross = (
        f'<path class="cross" d="M{x - 3:.0f} {y - 3:.0f}l6 6m0 -6l-6 6"/>'
        if row.revision.state == "half applied"
        else ""
    )
    fill = "page" if kind == "broken" else kind
    return f'<circle class="dot {fill} {kind}" cx="{x:.0f}" cy="{y:.0f}" r="{DOT:.0f}"/>{cross}'


def _draw_text(row: Row, x: float, y: float) -> tuple[str, float]:
    """Return the id, the message and the words in frames, and where they end."""
    parts = []
    for kind, text in (("id", row.revision.revision), ("message", row.revision.message)):
        if text:
            parts.append(f'<text class="{kind}" x="{x:.1f}" y="{y + 4.5:.1f}">{escape(text)}</text>')
            x += text_width(text) + GAP
    for word in describe_marks(row.revision):
        width = text_width(word) + 2 * PILL
        state = CLASSES[row.revision.state] if word.endswith(("applied", "pending")) else ""
        parts.append(
            f'<rect class="pill" x="{x:.1f}" y="{y - 12:.1f}" width="{width:.1f}" height="24" rx="12"/>'
        )
        parts.append(f'<text class="word {state}" x="{x + PILL:.1f}" y="{y + 4.5:.1f}">{escape(word)}</text>')
        x += width + GAP
    return "".join(parts), x
