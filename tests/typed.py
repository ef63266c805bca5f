"""Bakes in this process, with any text in any option, as a person types it at Cookiecutter's questions."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

from cookiecutter import prompt
from cookiecutter.exceptions import FailedHookException
from cookiecutter.main import cookiecutter
from hypothesis import strategies as st

TEMPLATE = Path(__file__).parent.parent
INNER = "{{cookiecutter.project_slug}}"

# Text of all kinds; words that mean something to one of the languages that it is put into.
WORDS = st.sampled_from(
    [
        "{{",
        "}}",
        "{%",
        "{#",
        "'",
        '"',
        '"""',
        "\\",
        "${{ x }}",
        "$(id)",
        "%(here)s",
        "# ",
        ": ",
        "- ",
        "\n",
        "\t",
    ]
)
TEXT = st.one_of(
    st.text(max_size=40), st.lists(st.one_of(WORDS, st.text(max_size=5)), max_size=6).map("".join)
)
LETTERS = st.characters(categories=["L", "Nd", "Pc"])
NAMES = st.one_of(
    st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,70}", fullmatch=True),
    st.text(LETTERS, min_size=1, max_size=30).filter(str.isidentifier),
    st.sampled_from(
        ["class", "json", "flask", "con", "LPT1", "Tests", "makefile", "ﬁrma", "__main__", "app2", "été"]
    ),
)
FOLDERS = st.one_of(
    st.text(st.one_of(LETTERS, st.sampled_from(" .-&()';!$@,+=[]{}^%~`#")), min_size=1, max_size=70),
    st.sampled_from(["a b", "NUL", "aux.txt", "com¹", "..", "été", "-x", "a.", "日本", "x" * 64]),
)

ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "project_name": TEXT,
        "project_slug": st.one_of(FOLDERS, TEXT),
        "package_name": st.one_of(NAMES, NAMES, TEXT),
        "description": TEXT,
        "author_name": TEXT,
        "author_email": TEXT,
        "license": st.sampled_from(["MIT", "Apache-2.0", "BSD-3-Clause", "none"]),
        "database": st.sampled_from(["sqlite", "postgresql", "mariadb"]),
        "example_models": st.booleans(),
    },
)


def bake(template: Path, answers: Mapping[str, object], folder: Path) -> tuple[Path, str] | None:
    """Return the project and its package's name; None where the answers were refused."""

    def answer(name: str, default: object, *_: object) -> object:
        return answers.get(name) or default  # nothing typed: the default

    def choose(name: str, options: list[str], *_: object) -> object:
        return answers.get(name, options[0])

    def decide(name: str, default: bool, *_: object) -> object:
        return answers.get(name, default)

    replay = folder / "replay"
    config = folder / "config.yaml"
    config.write_text(json.dumps({"replay_dir": str(replay), "cookiecutters_dir": str(folder / "cloned")}))
    with (
        patch.object(prompt, "read_user_variable", answer),
        patch.object(prompt, "read_user_choice", choose),
        patch.object(prompt, "read_user_yes_no", decide),
    ):
        try:
            path = cookiecutter(str(template), output_dir=str(folder / "out"), config_file=str(config))
        except FailedHookException:
            return None
    (kept,) = replay.glob("*.json")
    return Path(path), json.loads(kept.read_text(encoding="utf-8"))["cookiecutter"]["package_name"]


def without_copies(folder: Path) -> Path:
    """Return a copy of the template that holds what is rendered: the rest is the same in every project."""
    template = folder / "template"
    shutil.copytree(TEMPLATE / "hooks", template / "hooks")
    shutil.copy(TEMPLATE / "cookiecutter.json", template)
    verbatim = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))[
        "_copy_without_render"
    ]
    inner = template / INNER
    shutil.copytree(TEMPLATE / INNER, inner, ignore=shutil.ignore_patterns("__pycache__"))
    for name in verbatim:
        path = inner / name
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "Makefile":
            path.unlink()
    return template


def printable(text: str) -> str:
    """What is left of a text in the files."""
    return "".join(c for c in " ".join(text.split()) if c >= " " and c != "\x7f")
