"""The pictures of the README, and how a recording of a terminal is drawn. `make pictures` makes them."""

import re
import struct
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import memory
import pytest
from recording import Recording, record
from svg_recording import MAX_PAUSE, draw

TEMPLATE = Path(__file__).parent.parent.parent
SVG = "{http://www.w3.org/2000/svg}"
README = (TEMPLATE / "README.md").read_text(encoding="utf-8")
# A path from the root, also in the URL of a database.
ABSOLUTE = re.compile(r"""(?:^|[\s:'"`(=])/+(\S+)""", re.MULTILINE)
PICTURES = sorted((TEMPLATE / "docs" / "pictures").iterdir())


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_shown_with_a_description_and_is_small(path: Path) -> None:
    found = re.search(rf"!\[([^\]]+)\]\(docs/pictures/{re.escape(path.name)}\)", README)
    assert found is not None and len(found[1]) > 20
    data = path.read_bytes()
    assert len(data) < 120_000
    if path.suffix == ".png":
        width, _height, bits, kind = struct.unpack(">IIBB", data[16:26])
        assert (bits, kind) == (8, 3) and width >= 1000  # a palette
    else:
        machine = {f"{folder}/" for folder in (memory.DISK, tempfile.gettempdir(), Path.home())}
        assert not {folder for folder in machine if folder in data.decode()}
        lines = ["".join(line.itertext()) for line in ElementTree.fromstring(data).iter(f"{SVG}text")]
        absolute = ABSOLUTE.findall("\n".join(lines))
        assert absolute and all(found.startswith("home/you/") for found in absolute), absolute


def test_the_readme_shows_all_pictures() -> None:
    assert {path.name for path in PICTURES} == {"pending.png", "terminal.svg", "welcome.png"}


def test_the_recording_shows_the_commands_and_their_end() -> None:
    root = ElementTree.parse(TEMPLATE / "docs" / "pictures" / "terminal.svg").getroot()
    lines = ["".join(line.itertext()) for line in root.iter(f"{SVG}text")]
    commands = [line for line in lines if line.startswith("$")]
    assert commands == ['$make newmigration m="add users.phone"', "$make migrate", "$make status"]
    assert any(line.startswith("Proved: up, down and up again") for line in lines)
    assert re.fullmatch(r"Pending +nothing", lines[-1])


def test_a_line_appears_when_it_got_its_last_change_and_long_waits_are_shortened() -> None:
    recording = Recording(40, 10)
    recording.chunks = [(0.1, b"one\r\n\x1b[32mtwo\x1b[0m working"), (60, b"\r\x1b[Ktwo <done> & gone\r\n")]
    root = ElementTree.fromstring(draw("Title", "What happens", [("run", recording)]))
    lines = list(root.iter(f"{SVG}text"))
    assert ["".join(line.itertext()) for line in lines] == ["$run", "one", "two <done> & gone"]
    typed, one, two = [
        float(re.search(r"animation-delay:([\d.]+)s", line.get("style", ""))[1]) for line in lines
    ]
    assert typed < one and two - one == pytest.approx(MAX_PAUSE)
    assert root.find(f"{SVG}title").text == "Title" and root.find(f"{SVG}desc").text == "What happens"


def test_a_program_runs_in_a_terminal_of_that_size() -> None:
    made = record(
        ["sh", "-c", "stty size; read answer; echo got $answer; exit 3"], columns=66, typed={b"66": b"yes\n"}
    )
    assert made.lines == ["100 66", "yes", "got yes"] and made.code == 3
    assert record(lambda: print("here"), columns=66).lines == ["here"]
