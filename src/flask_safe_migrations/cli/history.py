"""`flask db history --graph`: the chain with its branches and merges, as text, Mermaid or SVG."""

import shutil
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import api, output, settings
from ..errors import UsageError
from .diagrams import refuse_other_than_svg, write_file

if TYPE_CHECKING:
    from ..api import History, HistoryRevision

COLOURS = {"applied": "green", "pending": "yellow", "partly applied": "yellow", "half applied": "red"}


def graph_options() -> list[click.Option]:
    path = click.Path(dir_okay=False, path_type=Path)
    return [
        click.Option(["--graph"], is_flag=True, help="Branches, merges and what each database has."),
        click.Option(["--svg"], is_flag=True, help="With --graph: a picture, docs/history.svg without --to."),
        click.Option(["--mermaid"], is_flag=True, help="With --graph: Mermaid, on standard output."),
        click.Option(["--to", "target"], type=path, help="With --graph: the file, .svg, .mmd or .md."),
    ]


def show_graph(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `graph_options` to Flask-Migrate's `history`, which is unchanged without them."""

    @wraps(callback)
    def run(
        *arguments: Any, graph: bool, svg: bool, mermaid: bool, target: Path | None, **options: Any
    ) -> None:
        if graph:
            _show(api.history(options.get("rev_range")), target, svg=svg, mermaid=mermaid)
        elif svg or mermaid or target:
            raise UsageError("--svg, --mermaid and --to are for `flask db history --graph`.")
        else:
            callback(*arguments, **options)

    return run


def _show(history: "History", target: Path | None, *, svg: bool, mermaid: bool) -> None:
    from ..contrib import history_diagram

    for name, problem in history.problems.items():
        output.notice(f"What {name} has is not known: {problem}")
    if svg:
        refuse_other_than_svg(target)
        target = target or settings.active().project_folder / "docs" / "history.svg"
    if target is None and mermaid:
        output.line(history_diagram.draw_mermaid(history.revisions))
    elif target is None:
        _print_lines(history)
    elif target.suffix == ".svg":
        write_file(target, history_diagram.draw_svg(history.revisions))
    else:
        text = history_diagram.draw_mermaid(history.revisions)
        page = f"# Revisions\n\n```mermaid\n{text}\n```\n"
        write_file(target, f"{text}\n" if target.suffix == ".mmd" else page)


def _print_lines(history: "History") -> None:
    from ..contrib.history_lanes import DOTS, assign_lanes, draw_lanes

    if not history.revisions:
        output.line('There is no revision yet: `flask db new -m "…"` writes the first.')
        return
    for picture, row in draw_lanes(assign_lanes(history.revisions)):
        if row is None:
            output.line(picture)
            continue
        dot = DOTS[row.revision.state]
        before, _, after = picture.partition(dot)
        colour = COLOURS.get(row.revision.state or "")
        output.line(
            f"{before}{click.style(dot, fg=colour)}{after} {_describe(row.revision, len(picture) + 1)}"
        )
    used = {each.state for each in history.revisions}
    output.line("  ".join(f"{dot} {state}" for state, dot in DOTS.items() if state and state in used))


def _describe(revision: "HistoryRevision", indent: int) -> str:
    """Return the text of a revision; on a terminal, the message is shortened so that it fits."""
    from ..contrib.history_diagram import describe_marks

    words = [word for word in describe_marks(revision) if word != "applied"]
    marks = f" ({', '.join(words)})" if words else ""
    message = revision.message
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns - indent - len(revision.revision) - len(marks) - 1
        message = message if len(message) <= room else message[: max(room - 1, 10)] + "…"
    return f"{click.style(revision.revision, bold=True)} {message}{marks}"
