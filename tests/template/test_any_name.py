"""Any text in any option: one sentence and nothing on disk, or a project that works. BAKES says how many."""

import os
import re
import tempfile
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, assume, given, settings
from project import BakedProject
from test_options import files
from typed import ANSWERS, TEMPLATE, bake, printable, without_copies

BAKES = int(os.environ.get("BAKES", "300"))
FIRST_RUNS = max(4, BAKES // 100)
HOOK = (TEMPLATE / "hooks" / "pre_gen_project.py").read_text(encoding="utf-8")
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
FORBIDDEN = re.compile(
    r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(con|prn|aux|nul|(com|lpt)[1-9¹²³]) *(\.|$)', re.IGNORECASE
)

some = {
    "database": None,
    "deadline": None,
    "derandomize": True,
    "phases": [Phase.generate],  # shrinking takes minutes where an example takes half a second
    "suppress_health_check": [
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
}


def refusal(slug: str, package: str) -> str | None:
    """Run the hook with these names; return the sentence that it ends with."""
    rendered = iter([slug.encode().hex(), package.encode().hex()])
    code = re.sub(r"\{\{.*?\}\}", lambda _: next(rendered), HOOK)
    try:
        exec(compile(code, "pre_gen_project.py", "exec"), {})
    except SystemExit as error:
        return str(error)
    return None


def check_rendered(project: Path, package: str, answers: Mapping[str, object]) -> None:
    found = files(BakedProject(project))
    typed = [value for value in answers.values() if isinstance(value, str)]
    for name, content in found.items():
        assert not [part for part in Path(name).parts if FORBIDDEN.search(part)], name
        text = content.decode()
        assert b"\r" not in content and b"\0" not in content, name
        if not any("{" in value or "cookiecutter" in value for value in typed):
            assert "cookiecutter" not in name and "cookiecutter." not in text, name
            # What is left in a page of the application belongs to it.
            assert "{%" not in text or name.endswith(".html"), name
        if name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith((".yaml", ".yml")):
            yaml.safe_load(text)
        elif name.endswith(".py"):
            compile(text, name, "exec")
    described = tomllib.loads(found["pyproject.toml"].decode())["project"]
    assert described["description"] == printable(str(answers.get("description") or described["description"]))
    assert f"FLASK_APP={package}\n" in found[".flaskenv"].decode()
    assert f"from {package} import create_app" in found["manage.py"].decode()
    assert f"{package}/seeds.py" in found
    lower = Counter(name.lower() for name in found)
    assert [name for name, times in lower.items() if times > 1] == []


@pytest.fixture(scope="module")
def rendered_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return without_copies(tmp_path_factory.mktemp("rendered"))


def test_any_text_in_any_option(rendered_only: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Through Cookiecutter itself, hooks and all, for the files that are rendered."""
    outcomes = Counter()

    @settings(max_examples=BAKES, **some)
    @given(ANSWERS)
    def each(answers: Mapping[str, object]) -> None:
        with tempfile.TemporaryDirectory() as name:
            made = bake(rendered_only, answers, folder := Path(name))
            output = capfd.readouterr()
            if made is None:
                sentences = [line for line in output.err.splitlines() if "choose another" in line]
                assert len(sentences) == 1 and "Traceback" not in output.err, output.err
                assert not (folder / "out").exists() or list((folder / "out").iterdir()) == []
            else:
                assert output.err == ""
                check_rendered(*made, answers)
            outcomes["refused" if made is None else "made"] += 1

    each()
    with capfd.disabled():
        print(f" {dict(outcomes)}", end="")
    assert outcomes["made"] > BAKES / 10 < outcomes["refused"]


def test_what_was_made_of_any_text_works(environment: Path) -> None:
    """The first run on a sample: a database, a revision, the checks."""

    @settings(max_examples=FIRST_RUNS, **some)
    @given(ANSWERS.map(lambda answers: answers | {"database": "sqlite"}))
    def each(answers: Mapping[str, object]) -> None:
        with tempfile.TemporaryDirectory() as name:
            made = bake(TEMPLATE, answers, Path(name))
            assume(made)
            project = BakedProject(*made)
            project.share(environment)
            project.make("db")
            (project.models / "extra.py").write_text(
                "from sqlalchemy.orm import Mapped, mapped_column\n\nfrom ..database import db\n\n\n"
                "class Extra(db.Model):\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
            )
            project.revise("extra")
            project.make("migrate")
            assert "Pending   nothing" in project.make("status").out

    each()


def test_no_folder_gets_in_the_way_of_an_import(environment: Path) -> None:
    """What is installed, and what stands in the project's folder, cannot be the name of the package."""
    (packages,) = (environment / "lib").glob("python*/site-packages")
    installed = {path.stem for path in packages.iterdir() if path.suffix in {"", ".py"}}
    inner = (TEMPLATE / "{{cookiecutter.project_slug}}").iterdir()
    own = {path.stem for path in inner if path.suffix in {"", ".py"} and not path.name.startswith(".")}
    names = {name for name in installed | own if name.isidentifier()}
    assert {"flask", "mako", "migrations", "Makefile", "manage"} <= names
    assert {name for name in names if refusal("my-app", name) is None} == set()


@pytest.mark.parametrize("name", ["con", "NUL", "aux", "lpt1", "__main__", "__pycache__", "ﬁrma", "é" * 30])
def test_names_that_some_machine_cannot_have(name: str) -> None:
    assert "choose another" in (refusal("my-app", name) or "")


@pytest.mark.parametrize("name", ["con", "NUL", "aux.txt", "com¹", "Lpt9.tar.gz", "prn "])
def test_folders_that_windows_cannot_have(name: str) -> None:
    assert "choose another" in (refusal(name, "shop") or "")


def test_copies_are_the_same_in_every_project(render, rendered_only: Path) -> None:
    """So that rendering without them, as above, leaves nothing out."""
    first, second = render(), render(project_name="Other", license="none", database="mariadb")
    left = {path.name for path in rendered_only.rglob("*") if path.is_file()}
    for name, content in files(first).items():
        if Path(name).name not in left and name.startswith("migrations/") and "versions" not in name:
            assert files(second)[name] == content, name
