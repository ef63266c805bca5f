"""The first page of a generated project, in a real browser: what it shows, to whom, and on which screen."""

import dataclasses
import json
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import browsers
import markupsafe
import pytest
from cookiecutter.main import cookiecutter
from playwright.sync_api import Browser, Page
from project import TEMPLATE, BakedProject, clean_environment, rewrite
from servers import free_port
from test_downgrades import BASELINE, PRODUCTION

NAME = """Ada's "Shop" <b>&amp; }} 日本 \N{SHOPPING TROLLEY}"""
GET = """
import json, sys
from my_app import create_app
client = create_app(json.loads(sys.argv[1])).test_client()
responses = [client.get(path) for path in sys.argv[2:]]
loaded = [name for name in ("alembic", "flask_migrate", "migrations") if name in sys.modules]
print(json.dumps([[response.status_code, response.text] for response in responses] + [loaded]))
"""


@pytest.fixture(scope="module")
def project(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> BakedProject:
    folder = str(tmp_path_factory.mktemp("welcome"))
    context = {"project_name": NAME, "project_slug": "my-app"}
    path = cookiecutter(str(TEMPLATE), no_input=True, output_dir=folder, extra_context=context)
    return BakedProject(Path(path)).share(environment)


@pytest.fixture(scope="module")
def url(project: BakedProject) -> Iterator[str]:
    """The address of a server, whose database is at head.

    Not in debug mode, where the pending page takes the place of this one when the database is behind.
    """
    project.make("db")
    port = free_port()
    app = f"{project.package}:create_app({{'TESTING': True}})"
    process = subprocess.Popen(
        [project.python, "-m", "flask", "--app", app, "run", "--port", str(port)],
        cwd=project.path,
        env=clean_environment() | {"FLASK_DEBUG": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=30).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page(url, width=390, color_scheme="dark")` opens a page, which asks this host only."""
    pages: list[Page] = []
    complaints: list[str] = []

    def open_page(address: str, width: int = 1280, **options: object) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        pages.append(page)
        page.set_default_timeout(20_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requested.add(request.url.split("/")[2].partition(":")[0]))
        page.goto(address)
        return page

    requested: set[str] = set()
    yield open_page
    for page in pages:
        page.context.close()
    assert requested == {"127.0.0.1"}
    assert [text for text in complaints if "status of 404" not in text] == []


def get(project: BakedProject, *paths: str, testing: bool = False, **env: str) -> list[tuple[int, str]]:
    """Request the paths in a process of its own, in which nothing heavy may have been loaded."""
    settings = json.dumps({"TESTING": True} if testing else {})
    own = dataclasses.replace(project, forks=False)  # a forked one has loaded all libraries
    out = own.run(project.python, "-c", GET, settings, *paths, **PRODUCTION | env).out
    *responses, loaded = json.loads(out.splitlines()[-1])
    assert loaded == []
    return responses


def test_the_page_before_the_first_database(project: BakedProject) -> None:
    """The page says what to type, and creates no database by itself."""
    ((status, text),) = get(project, "/", testing=True, DATABASE_URL="sqlite:///instance/none.db")
    assert status == 200 and "does not exist yet" in text
    assert re.findall('data-copy="(.+?)"', text) == ["make db", "make status", "make browse"]
    assert not (project.path / "instance" / "none.db").exists()


def test_first_run(url: str, open_page: Callable[..., Page]) -> None:
    page = open_page(url)
    assert page.title() == page.get_by_role("heading", level=1).inner_text() == NAME
    text = page.inner_text("body")
    assert "It runs." in text and "✓" not in text
    assert re.search(r"SQLite 3\.\d+\s+instance/my_app\.db\s+up to date", text), text
    assert page.locator(".tables li").all_inner_texts() == [
        "tags\n2 rows",
        "user_tags\n1 row",
        "users\n1 row",
    ]
    assert page.locator(".chain li").all_inner_texts() == [
        "baseline\n3f1d9a62c0b7\napplied, the database is here",
        "your next change",
    ]
    commands = page.locator(".command code").all_inner_texts()
    assert commands == ['make newmigration m="what changed"', "make migrate", "make browse"]
    links = [link.get_attribute("href") for link in page.locator("nav a").all()]
    assert len(links) == 5
    for link in links:
        response = page.request.get(url + link)
        assert response.ok and (link == "/health/ready" or response.text().startswith("# ")), link
    assert page.request.get(f"{url}/welcome/docs/..%2f..%2fmy_app%2fconfig.md").status == 404


def test_the_name_of_the_project_is_on_each_page(url: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{url}/nothing-here")
    assert page.title() == f"Not Found · {NAME}"
    page.get_by_role("link", name=NAME, exact=True).click()
    page.get_by_text("It runs.").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/nothing-here"])
def test_anybody_can_read_it(url: str, open_page: Callable[..., Page], scheme: str, path: str) -> None:
    """axe-core finds nothing serious, such as text that is hardly to be told from its background."""
    page = open_page(url + path, color_scheme=scheme)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(245, 246, 243)", "dark": "rgb(17, 22, 26)"}[scheme]
    assert browsers.find_barriers(page) == []


def test_the_keyboard_is_enough_to_copy_a_command(url: str, open_page: Callable[..., Page]) -> None:
    page = open_page(url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.copy") == "make migrate":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Copied: make migrate").wait_for()  # for a screen reader
    assert page.evaluate("navigator.clipboard.readText()") == "make migrate"
    assert page.evaluate("document.activeElement.innerText").startswith("Copied")
    page.get_by_role("button", name="Copy make migrate").wait_for()  # after two seconds


def test_a_browser_that_does_not_let_it_copy_selects_the_command(
    url: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(url)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_role("button", name="make browse").click()
    page.get_by_role("status").get_by_text("Press Ctrl+C").wait_for()
    assert page.evaluate("getSelection().toString()") == "make browse"


def test_without_javascript_there_is_no_dead_button(url: str, open_page: Callable[..., Page]) -> None:
    page = open_page(url, java_script_enabled=False)
    assert page.get_by_text("make migrate").first.is_visible()
    assert page.get_by_role("button").count() == 0


def test_a_phone_never_scrolls_sideways(
    project: BakedProject, url: str, open_page: Callable[..., Page]
) -> None:
    """With a chain, names and numbers that are long."""
    head = project.path / "migrations" / "HEAD"
    before = head.read_text()
    ids = [f"{number:012x}" for number in range(200)]
    message = "an_unbroken_message_that_is_longer_than_the_screen_of_any_phone and some words"
    table = "a_table_with_a_name_of_as_many_characters_as_postgresql_allows_"
    try:
        head.write_text(before + "".join(f"{name} 0123456789abcdef {message}\n" for name in ids))
        project.sql(f"UPDATE alembic_version SET version_num = '{ids[100]}'")
        project.sql(
            f"CREATE TABLE {table} AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
            "WHERE i < 2000) SELECT i FROM n"
        )
        for number in range(20):
            project.sql(f"CREATE TABLE t{number} (id INTEGER)")
        for width in (390, 320, 700, 1280):
            page = open_page(url, width, color_scheme="dark")
            assert page.evaluate("document.documentElement.scrollWidth") == width
        assert "more than 1,000 rows" in page.locator(".tables li", has_text=table).inner_text()
        chain = page.locator(".chain li").all_inner_texts()
        assert [text.split("\n")[-1] for text in chain] == [
            "applied",
            "100 more",
            "applied, the database is here",
            "pending",
            "97 more",
            "pending",
            "your next change",
        ]
        assert "99 revisions pending" in page.inner_text(".title")
        assert not page.get_by_text("t19", exact=True).is_visible()
        page.get_by_text("12 more", exact=True).click()
        assert page.get_by_text("t19", exact=True).is_visible()
    finally:
        head.write_text(before)
        project.sql(f"UPDATE alembic_version SET version_num = '{BASELINE}'")
        for name in (table, *(f"t{number}" for number in range(20))):
            project.sql(f"DROP TABLE IF EXISTS {name}")


def test_production_reveals_nothing(project: BakedProject, url: str) -> None:
    (_, page), (status, document), (_, missing) = get(
        project, "/", "/welcome/docs/first-hour.md", "/nothing-here"
    )
    assert f"<h1>{markupsafe.escape(NAME)}</h1>" in page and "It runs." in page
    assert status == 404
    for text in (page, document, missing):
        words = re.sub(r"<head>.*</head>", "", text, flags=re.DOTALL)
        for secret in (
            "SQLite",
            "instance",
            "my_app",
            "baseline",
            "3f1d9a62c0b7",
            "users",
            "make ",
            "health",
        ):
            assert secret not in words


def test_it_is_one_folder_to_delete(project: BakedProject, url: str, tmp_path: Path) -> None:
    """And the two lines that name it. What is left is in order, with the checks of the project itself."""
    ignored = shutil.ignore_patterns("__pycache__", "instance", ".*_cache")
    copy = BakedProject(shutil.copytree(project.path, tmp_path / "my-app", symlinks=True, ignore=ignored))
    shutil.rmtree(copy.path / copy.package / "welcome")
    init = copy.path / copy.package / "web" / "__init__.py"
    lines = init.read_text().splitlines(keepends=True)
    kept = [line for line in lines if "welcome" not in line]
    assert len(lines) - len(kept) == 2
    rewrite(init, "".join(kept))
    for target in ("db", "lint", "test"):
        copy.make(target)
    (first, _), (health, _) = get(copy, "/", "/health/ready")
    assert (first, health) == (404, 200)
    found = subprocess.run(
        ["grep", "-rl", "welcome", copy.package], cwd=copy.path, capture_output=True, text=True
    )
    assert found.stdout == ""
