"""What the SVG pictures share: colours for light and dark, the font, and words for a screen reader."""

import unicodedata
from html import escape

FONT_SIZE = 13
CHARACTER = 0.625  # the widest of the usual monospace fonts, in em
FONT = 'ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,monospace'
LIGHT = {
    "page": "#f5f6f3",
    "surface": "#ffffff",
    "ink": "#18211d",
    "muted": "#56635c",
    "line": "#dde2dd",
    "edge": "#7d8b83",
    "accent": "#0f6b4a",
    "head": "#edf3ee",
    "added": "#0f6b4a",
    "added-soft": "#e3f3ea",
    "removed": "#a8261d",
    "removed-soft": "#fdecea",
    "changed": "#8a5300",
    "changed-soft": "#fdf3e0",
}
DARK = {
    "page": "#11161a",
    "surface": "#1a2127",
    "ink": "#e7ece9",
    "muted": "#9eaca5",
    "line": "#2d3740",
    "edge": "#7f8f88",
    "accent": "#54c894",
    "head": "#202a2f",
    "added": "#54c894",
    "added-soft": "#16302a",
    "removed": "#ff8d82",
    "removed-soft": "#2f1a19",
    "changed": "#f0b45c",
    "changed-soft": "#2b2214",
}


def make_style(name: str) -> str:
    """Return the rules of all pictures, below the class of one: a page may hold several."""
    return (
        f".{name}{{color-scheme:light dark;{_variables(LIGHT)}}}\n"
        f"@media(prefers-color-scheme:dark){{.{name}{{{_variables(DARK)}}}}}\n"
        f".{name} text{{font:{FONT_SIZE}px {FONT};fill:var(--ink);white-space:pre}}\n"
        f".{name} .page{{fill:var(--page)}}\n"
    )


def make_document(
    name: str,
    size: tuple[float, float],
    margin: float,
    style: str,
    words: tuple[str, str],
    parts: list[str],
    *,
    role: str = "img",
) -> str:
    """Return an SVG document.

    :param name: its class, which the rules in `style` begin with.
    :param size: of the content, without the margin.
    :param words: a title and a description.
    """
    width, height = size[0] + 2 * margin, size[1] + 2 * margin
    start = f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" role="{role}"'
    start += f' aria-labelledby="{name}-title {name}-desc" width="{width:.0f}" height="{height:.0f}"'
    lines = [f'{start} viewBox="{-margin:.0f} {-margin:.0f} {width:.0f} {height:.0f}">']
    lines.append(f'<title id="{name}-title">{escape(words[0])}</title>')
    lines.append(f'<desc id="{name}-desc">{escape(words[1])}</desc>')
    lines.append(f"<style>\n{style}</style>")
    lines.append(f'<rect class="page" x="{-margin:.0f}" y="{-margin:.0f}" width="100%" height="100%"/>')
    return "\n".join([*lines, *parts, "</svg>\n"])


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Return the width of a text, an upper bound in the usual fonts."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return (len(text) + wide) * CHARACTER * size
