"""`flask db help`: show the documentation in the terminal, without a network."""

import re
import sys
from difflib import get_close_matches
from importlib.resources import files

import click

from ..errors import UsageError
from ..formatting import format_text, get_width
from .terminal import echo

# In reading order, as in docs/index.md.
TOPICS = (
    "installation",
    "existing-project",
    "guide",
    "development",
    "autogenerate",
    "safety",
    "branches",
    "squash",
    "databases",
    "adoption",
    "recovery",
    "reports",
    "settings",
    "leaving",
    "versions",
    "decisions",
)
# Of a heading, a row of a table, an item of a list.
BEGINNING = re.compile(r"#|\||\s*(?:-|\d+\.) ")
WIDTH = 120  # of the pages
LINK = re.compile(r"\[([^\]]+)\]\(([a-z-]+)\.md(?:#[\w-]+)?\)")


@click.command("help")
@click.argument("topic", required=False)
@click.pass_context
def show_help(context: click.Context, topic: str | None) -> None:
    """Show a page of the documentation; without TOPIC, list them.

    The name of a command shows its options.
    """
    if topic is None:
        lines = [f"Topics of `{context.command_path} TOPIC`:", ""]
        lines += [f"  {name:17}  {summary(name)}" for name in TOPICS]
        echo("\n".join(lines), sys.stdout)
        return
    name = topic.lower().removesuffix(".md")
    if name in TOPICS:
        # click uses a pager only on a terminal.
        page = plain_text(name, context.command_path)
        width = get_width(sys.stdout)
        click.echo_via_pager(reflow(page, width) if width and width < WIDTH else page)
        return
    group = context.parent
    commands = group.command.commands if group and isinstance(group.command, click.Group) else {}
    if name in commands:
        with click.Context(commands[name], info_name=name, parent=group) as called:
            click.echo(called.get_help())
        return
    near = get_close_matches(name, {*TOPICS, *commands}, n=3) or TOPICS
    raise UsageError(f"There is no help on {topic}: try one of {', '.join(near)}.")


def read(topic: str) -> str:
    """Return the Markdown of a topic.

    >>> read("squash").partition("\\n")[0]
    '# Squash'
    """
    page = files(__name__.partition(".")[0]) / "help" / f"{topic}.md"
    return page.read_text(encoding="utf-8")


def summary(topic: str) -> str:
    """Return the one-line paragraph below the title."""
    return plain_text(topic, "").split("\n\n")[1]


def plain_text(topic: str, command: str) -> str:
    """Format a page for the terminal. A link to another topic becomes the command that shows it."""

    def as_command(link: re.Match[str]) -> str:
        return f"{link[1]} (`{command} {link[2]}`)"

    return LINK.sub(as_command, read(topic))


def reflow(page: str, width: int) -> str:
    """Wrap the paragraphs, lists and tables of a page for a narrower terminal. Code stays as it is."""
    parts = re.split(r"(^```.*?^```$)", page, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        part if number % 2 else format_text(_join_paragraphs(part), width, hanging=0)
        for number, part in enumerate(parts)
    )


def _join_paragraphs(text: str) -> str:
    lines = [""]
    for line in text.split("\n"):
        begins = not line.strip() or BEGINNING.match(line)
        if begins or not lines[-1].strip() or lines[-1].startswith(("#", "|")):
            lines.append(line)
        else:
            lines[-1] += f" {line.strip()}"
    return "\n".join(lines[1:])
