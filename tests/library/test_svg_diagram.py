"""The picture of the tables: boxes and lines that can be read, in a real browser as well."""

import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import closing
from itertools import combinations, pairwise

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import (
    Column,
    DateTime,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    make_url,
)
from sqlalchemy.types import NullType

from flask_safe_migrations.contrib.layer_assignment import Line
from flask_safe_migrations.contrib.layered_layout import Layout, lay_out
from flask_safe_migrations.contrib.svg_diagram import render_svg

Sizes = dict[str, tuple[float, float]]
URL = make_url("postgresql+psycopg://localhost/shop")
SVG = "{http://www.w3.org/2000/svg}"


def make_schema(count: int, seed: int) -> tuple[Sizes, list[Line]]:
    """Some tables that many refer to, some that refer to themselves, some circles, some alone."""
    chance = random.Random(seed)
    rows = {f"t{number}": chance.randint(3, 14) for number in range(count)}
    sizes = {name: (chance.randint(150, 380), 40 + 22 * number) for name, number in rows.items()}
    lines = []
    for number, (name, available) in enumerate(rows.items()):
        for row in range(2, min(available, 2 + chance.choice([0, 1, 1, 1, 2, 2, 3]))):
            earlier = int((number + 1) * chance.random() ** 2)
            parent = chance.choice(list(rows)) if chance.random() < 0.05 else f"t{earlier}"
            weak = chance.random() < 0.3
            lines.append(Line(parent, 46 + 6 * weak, name, 40 + 22 * row + 11, weak))
    return sizes, lines


def find_faults(sizes: Sizes, lines: list[Line], layout: Layout) -> list[str]:
    boxes = {
        name: (x, y, x + sizes[name][0], y + sizes[name][1]) for name, (x, y) in layout.positions.items()
    }

    def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]

    faults = [
        f"{one} on {other}" for one, other in combinations(boxes, 2) if overlap(boxes[one], boxes[other])
    ]
    for line, route in zip(lines, layout.routes, strict=True):
        ends = ((line.source, line.source_offset, route[0]), (line.target, line.target_offset, route[-1]))
        for name, offset, (x, y) in ends:
            left, top, right, _ = boxes[name]
            if x not in (left, right) or abs(y - top - offset) > 0.6:
                faults.append(f"{line} does not end at its row")
        for (x1, y1), (x2, y2) in pairwise(route):
            if x1 != x2 and y1 != y2:
                faults.append(f"{line} is slanting")
            piece = (min(x1, x2) + 1, min(y1, y2), max(x1, x2) - 1, max(y1, y2))
            faults += [f"{line} goes through {name}" for name, box in boxes.items() if overlap(piece, box)]
    return faults


def find_covered(lines: list[Line], layout: Layout) -> list[str]:
    """Return the lines that lie on one from another point: nobody can tell them apart."""
    pieces = []
    for line, route in zip(lines, layout.routes, strict=True):
        for (x1, y1), (x2, y2) in pairwise(route):
            start = (line.source, line.source_offset)
            pieces.append((start, min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)))
    covered = []
    for one, other in combinations(pieces, 2):
        common = [min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis]) for axis in (1, 2)]
        if one[0] != other[0] and min(common) > -1 and max(common) > 8:
            covered.append(f"{one} on {other}")
    return covered


@pytest.mark.parametrize("count", [1, 5, 20, 60, 100])
def test_no_line_crosses_a_box_and_no_box_lies_on_another(count: int) -> None:
    for seed in range(8):
        sizes, lines = make_schema(count, seed)
        layout = lay_out(sizes, lines)
        assert layout.positions.keys() == sizes.keys()
        assert find_faults(sizes, lines, layout) == []
        assert count > 20 or find_covered(lines, layout) == []
        for name, (x, y) in layout.positions.items():
            assert x >= 0 and y >= 0 and x + sizes[name][0] <= layout.width, name
            assert y + sizes[name][1] <= layout.height, name
        points = [point for route in layout.routes for point in route]
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in points)
        assert count < 20 or 0.6 < layout.width / layout.height < 3  # not a strip that nobody can look at


def test_tables_in_a_row_are_drawn_without_a_crossing() -> None:
    """Two chains that the order of the names would mix."""
    sizes = dict.fromkeys(("a1", "b1", "b2", "a2", "a3", "b3", "top"), (200.0, 100.0))
    pairs = [("top", "a1"), ("top", "b1"), ("a1", "a2"), ("a2", "a3"), ("b1", "b2"), ("b2", "b3")]
    layout = lay_out(sizes, [Line(one, 50, other, 50) for one, other in pairs])
    above = [layout.positions[f"a{number}"][1] < layout.positions[f"b{number}"][1] for number in (1, 2, 3)]
    assert len(set(above)) == 1
    x = [layout.positions[name][0] for name in ("top", "a1", "a2", "a3")]
    assert x == sorted(set(x))


def test_a_table_that_two_hundred_refer_to_does_not_make_one_long_column() -> None:
    sizes = {f"t{number}": (200.0, 120.0) for number in range(200)}
    lines = [Line("t0", 50, name, 70) for name in sizes if name != "t0"]
    layout = lay_out(sizes, lines)
    assert find_faults(sizes, lines, layout) == []
    assert layout.height < 200 * 120 / 5


def make_metadata() -> MetaData:
    metadata = MetaData()
    Table(
        'users <b> & "friends"',
        metadata,
        Column("id", Integer, primary_key=True),
        Column("größe_不明_🙂", String(200)),
        Column("a_name_that_is_much_longer_than_any_other_in_this_picture", DateTime(timezone=True)),
        Column("kind", Enum("alpha", "<i>", "gamma", "delta", "epsilon", "zeta", "eta", "theta", name="k")),
        Column("unknown", NullType, comment="of an <extension>"),
        Column("invited_by", ForeignKey('users <b> & "friends".id')),
    )
    Table(
        "W" * 40,
        metadata,
        Column("user_id", ForeignKey('users <b> & "friends".id'), primary_key=True),
        Column("n", Integer, primary_key=True),
    )
    Table(
        "profiles",
        metadata,
        Column("user_id", ForeignKey('users <b> & "friends".id'), unique=True),
        Column("w", Integer, nullable=False),
        Column("n", Integer, nullable=False),
        ForeignKeyConstraint(["w", "n"], [f"{'W' * 40}.user_id", f"{'W' * 40}.n"]),
        schema="other",
    )
    Table("alone", metadata, Column("id", Integer, primary_key=True))
    return metadata


def test_the_picture_is_xml_with_words_for_those_who_do_not_see_it() -> None:
    svg = render_svg(make_metadata(), URL)
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}" and title.text
    assert desc.text.startswith("4 tables: ") and 'users <b> & "friends" (id, ' in desc.text
    assert "other.profiles (w, n) refers to " in desc.text
    shown = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    for text in ('users <b> & "friends"', "PK FK", "UK FK", "TIMESTAMP WITH TIME ZONE", "null"):
        assert text in shown, text
    for text in root.iter(f"{SVG}text"):  # another font may be wider than the one that was counted with
        assert "".join(text.itertext()).isascii() or float(text.get("textLength")) > 0
    assert not re.search("<script|onload|http://(?!www.w3.org/2000/svg)|@import|url\\(", svg)
    assert svg == render_svg(make_metadata(), URL)


def test_names_lead_where_the_caller_says() -> None:
    svg = render_svg(make_metadata(), URL, link=lambda name: None if "W" in name else f"/t?a=1&n={name[:5]}")
    root = ET.fromstring(svg)
    assert root.get("role") == "group"  # an image would hide the links from a screen reader
    links = {"".join(each.itertext()): each.get("href") for each in root.iter(f"{SVG}a")}
    assert links == {
        "alone": "/t?a=1&n=alone",
        "other.profiles": "/t?a=1&n=other",
        'users <b> & "friends"': "/t?a=1&n=users",
    }


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    with closing(browser.new_page(color_scheme=request.param)) as page:
        yield page


def test_in_a_browser_every_text_fits_and_can_be_read(page: Page, request: pytest.FixtureRequest) -> None:
    page.set_content(render_svg(make_metadata(), URL))
    outside = page.evaluate(
        """() => [...document.querySelectorAll('.erd > g:has(.box)')].flatMap(g => {
             const box = g.querySelector('.box').getBBox()
             const texts = [...g.querySelectorAll('text')].map(text => [text.textContent, text.getBBox()])
             return texts.filter(([, at], i) => at.x < 0 || at.x + at.width > box.width
               || at.y < 0 || at.y + at.height > box.height
               || texts.some(([, by], j) => j != i && by.x < at.x + at.width && at.x < by.x + by.width
                    && by.y + 3 < at.y + at.height && at.y + 3 < by.y + by.height)).map(([text]) => text)})"""
    )
    assert outside == []
    ink, surface = page.evaluate(
        """() => [['.type', 'fill'], ['.box', 'fill']].map(([at, name]) =>
             getComputedStyle(document.querySelector('.erd ' + at))[name].match(/\\d+/g).map(Number))"""
    )
    assert contrast(ink, surface) >= 4.5
    assert (sum(surface) < 200) == ("dark" in request.node.name)


def contrast(one: list[int], other: list[int]) -> float:
    """https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""

    def luminance(colour: list[int]) -> float:
        parts = [part / 255 for part in colour[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
