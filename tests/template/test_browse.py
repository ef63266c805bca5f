"""`make browse`: a real browser looks into the development database, and cannot change it unless asked.

What the pages show on each engine is tested in tests/library/test_browse_pages.py.
"""

import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import browsers
import pytest
import servers
from playwright.sync_api import Browser, Locator, Page
from project import Bake, BakedProject, clean_environment
from servers import Server, free_port

POSTS = """CREATE TABLE posts (
    id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES users (id), title VARCHAR(80), body TEXT
)"""
FILL = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
INSERT INTO posts SELECT i, 1, 'Post ' || i, 'A long text. A long text. A long text. A long text.' FROM n"""
PAGES = ["/", "/table/posts?q=Post+7&is.author_id=1&sort=title", "/table/posts/row?is.id=7"]
PAGES += ["/table/posts/schema", "/diagram", "/table/nothing"]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page(width=390, color_scheme="dark")` gives a page that reports what its policy has blocked."""
    contexts = []

    def open_page(width: int = 1280, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": 844}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: pytest.fail(message.text) if "policy" in message.text else None)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


@pytest.fixture(scope="module")
def shown(baked: Bake, environment: Path, tmp_path_factory: pytest.TempPathFactory) -> BakedProject:
    """One project for this module, with 120 posts of its user."""
    project = baked().copy_to(tmp_path_factory.mktemp("browse")).share(environment)
    project.make("db")
    project.sql(POSTS)
    project.sql(FILL)
    return project


@pytest.fixture(scope="module")
def url(shown: BakedProject) -> Iterator[str]:
    with browsing(shown) as url:
        yield url


@contextmanager
def browsing(project: BakedProject, *options: str) -> Iterator[str]:
    """Run `flask db browse`, yield its address, and end it as Ctrl-C does."""
    process = subprocess.Popen(
        [project.python, "-m", "flask", "db", "browse", "--port", str(free_port()), *options],
        cwd=project.path,
        env=clean_environment() | project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = ""
    try:
        for line in process.stdout:
            output += line
            if found := re.search(r"(http://127\.0\.0\.1:\d+) shows", line):
                break
        else:
            raise AssertionError(output)
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        output += process.communicate(timeout=30)[0]
    assert process.returncode == 0 and "Traceback" not in output, output


def status_of(url: str, data: bytes | None = None, **headers: str) -> int:
    try:
        return urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code


def field(page: Page, name: str) -> Locator:
    return page.get_by_label(name, exact=True)


def test_X1_tables_schema_and_rows_in_a_browser_and_no_way_to_write(
    anywhere: BakedProject, page: Page
) -> None:
    project = anywhere
    project.make("db")
    with browsing(project) as url:
        page.goto(url)
        page.get_by_text("read-only", exact=True).wait_for()
        page.get_by_role("link", name="users", exact=True).first.click()
        page.get_by_role("heading", name="users", exact=True).wait_for()
        rows = page.locator(".rows tr").all_inner_texts()
        assert len(rows) == 2 and re.match(r"Open\s+1\s+ada@example.com\s+Ada\s", rows[1]), rows
        page.get_by_role("link", name="Schema").click()
        schema = page.locator("#schema").inner_text()
        assert re.search(r"email\s+VARCHAR\(254\)\s+NOT NULL", schema), schema
        assert "(email)" in schema and "uq_users_email" in schema and "ix_users_name" in schema

        assert page.get_by_role("link", name="Add a row").count() == 0
        assert status_of(f"{url}/table/tags/add", b"value-1=smuggled") == 404
        assert status_of(f"{url}/table/users/delete?is.id=1", b"") == 404
        assert project.sql("SELECT count(*) FROM users") == [(1,)]
        assert project.sql("SELECT count(*) FROM tags WHERE name = 'smuggled'") == [(0,)]


def test_X1_references_search_sort_and_pages(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("link", name="posts", exact=True).first.click()
    page.get_by_text("Rows 1 to 50 of 120").wait_for()
    page.get_by_role("link", name="title").click()
    page.locator("[aria-sort=ascending]").get_by_role("link", name="title").click()
    page.locator("[aria-sort=descending]").wait_for()
    assert page.locator(".rows tbody tr").first.inner_text().split("\t")[3] == "Post 99"
    page.get_by_role("link", name="Next").click()
    page.get_by_text("Rows 51 to 100 of 120").wait_for()
    page.get_by_label("Search in all columns").fill("post 7")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("11 rows", exact=True).wait_for()
    page.get_by_role("link", name="Open row 11").click()
    page.get_by_role("heading", name="posts: id = 7").wait_for()
    page.get_by_role("link", name="1", exact=True).click()  # its author
    page.get_by_text("ada@example.com").wait_for()
    page.get_by_role("link", name="120 rows of posts").click()
    page.get_by_role("link", name="author_id = 1").click()  # takes the condition away
    page.wait_for_url(re.compile(r"/table/posts\??$"))


def test_X1_the_diagram_leads_to_the_schema(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("link", name="Diagram").click()
    assert page.locator("#diagram path").count() > 5
    # Without its own style it would be black.
    fill = "element => getComputedStyle(element).fill"
    assert page.locator("#diagram .box").first.evaluate(fill) == "rgb(255, 255, 255)"
    page.get_by_role("link", name="Fit to the page").click()
    box = page.locator("#diagram.fit svg").bounding_box()
    assert box["x"] + box["width"] <= 1280
    page.locator("#diagram").get_by_role("link", name="posts").click()
    page.get_by_text("REFERENCES users (id)").wait_for()


def test_X1_every_page_is_accessible_and_fits_on_a_phone_light_and_dark(
    open_page: Callable[..., Page], shown: BakedProject, url: str
) -> None:
    page = open_page(width=390)
    with browsing(shown, "--write") as writable:
        forms = [
            "/table/posts/add",
            "/table/posts/change?is.id=7",
            "/table/posts/row?is.id=7",
        ]
        for address in [url + path for path in PAGES] + [writable + path for path in forms]:
            page.goto(address)
            sizes = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            content, window = page.evaluate(sizes)
            assert content == window == 390, address
            for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
                page.emulate_media(color_scheme=scheme)
                background = page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert background == {"light": "rgb(245, 246, 243)", "dark": "rgb(17, 22, 26)"}[scheme]
                assert not browsers.find_barriers(page, options), address


def test_X1_with_the_keyboard_only(page: Page, url: str) -> None:
    def press_until(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                "document.activeElement.getAttribute('aria-label') || "
                "document.activeElement.innerText || document.activeElement.id"
            )
            if focused.strip() == name:
                width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
                assert width == "3px", name
                return
        raise AssertionError(name)

    page.goto(url)
    press_until("Skip to the content")
    page.keyboard.press("Enter")
    press_until("posts")
    page.keyboard.press("Enter")
    page.get_by_text("Rows 1 to 50").wait_for()
    press_until("q")
    page.keyboard.type("Post 7")
    page.keyboard.press("Enter")
    page.get_by_text("11 rows").wait_for()
    press_until("Rows of posts")  # scrolls sideways with the arrow keys
    press_until("Open row 1")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="posts: id = 7").wait_for()


def test_X1_with_write_rows_are_changed_added_and_deleted(shown: BakedProject, page: Page) -> None:
    project = shown
    with browsing(project, "--write") as url:
        page.goto(f"{url}/table/users")
        page.get_by_text("writable", exact=True).wait_for()
        page.get_by_role("link", name="Open row 1").click()
        page.get_by_role("link", name="Change").click()
        field(page, "name").fill("Ada Lovelace")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("The row was changed.").wait_for()
        page.get_by_text("Ada Lovelace").wait_for()
        page.goto(f"{url}/table/tags")
        page.get_by_role("link", name="Add a row").click()
        field(page, "name").fill("added")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("cell", name="added", exact=True).wait_for()
        assert project.sql("SELECT name FROM users") == [("Ada Lovelace",)]
        # What the database refuses is reported, and what was typed is still there.
        page.get_by_role("link", name="Add a row").click()
        field(page, "name").fill("added")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("alert").get_by_text("UNIQUE constraint failed").wait_for()
        assert field(page, "name").input_value() == "added"
        page.goto(f"{url}/table/tags?q=added")
        page.get_by_role("link", name="Open row 1").click()
        page.get_by_text("Delete…").click()
        page.get_by_role("button", name="Delete this row").click()
        page.get_by_text("The row was deleted.").wait_for()
        assert project.sql("SELECT count(*) FROM tags WHERE name = 'added'") == [(0,)]
        # A form of another site lacks the token; the revision is changed by migrations only.
        assert status_of(f"{url}/table/tags/add", b"value-1=smuggled") == 403
        assert project.sql("SELECT count(*) FROM tags WHERE name = 'smuggled'") == [(0,)]
        assert status_of(f"{url}/table/alembic_version/add") == 404


def test_X1_several_databases_are_chosen_from_a_list(project: BakedProject, page: Page) -> None:
    settings = project.path / "instance" / "binds.py"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text('SQLALCHEMY_BINDS = {"night-log": "sqlite:///instance/log.db"}\n')
    project.env["SETTINGS"] = str(settings)
    model = "from ..database import db\n\n\nclass Entry(db.Model):\n    __bind_key__ = 'night-log'\n"
    (project.models / "entries.py").write_text(f"{model}    id = db.Column(db.Integer, primary_key=True)\n")
    project.flask("db", "new", "-m", "entries")
    project.make("db")
    with browsing(project) as url:
        page.goto(url)
        page.get_by_role("link", name="night-log").click()
        page.get_by_role("link", name="entry").click()
        page.get_by_role("link", name="Schema").click()
        assert "PRIMARY KEY (id)" in page.locator("#schema").inner_text()
        page.goto(f"{url}/default/table/users")
        assert "ada@example.com" in page.locator(".rows").inner_text()
        page.get_by_role("link", name="Databases").click()
        page.get_by_role("link", name="default").wait_for()
    with browsing(project, "--bind", "night-log") as url:
        assert status_of(f"{url}/table/entry") == 200


def test_X1_only_this_machine_reaches_it_and_no_process_list_shows_a_password(
    bake: Bake, postgresql: Server
) -> None:
    project = bake(database="postgresql")
    project.env["DATABASE_URL"] = postgresql.url("hard_dev", f"hard:{servers.HARD_PASSWORD_IN_URL}")
    project.make("db")
    with browsing(project) as url:
        port = int(url.rpartition(":")[2])
        with socket.socket() as other, pytest.raises(ConnectionRefusedError):
            other.connect(("127.0.0.2", port))  # a loopback address as well, so it would answer to 0.0.0.0
        assert status_of(url) == 200
        assert status_of(url, Host="evil.example") == 400
        shown = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                shown.append((process / "cmdline").read_bytes())
        assert any(str(port).encode() in line for line in shown)
        for password in (servers.HARD_PASSWORD, servers.HARD_PASSWORD_IN_URL):
            assert not [line for line in shown if password.encode() in line]


def test_X1_what_is_refused_is_reported_in_a_sentence(project: BakedProject, tmp_path: Path) -> None:
    def refused(**env: str) -> str:
        return project.flask_fails("db", "browse", "--port", str(free_port()), **env)

    assert "does not exist yet: `make db` makes it" in refused()
    project.make("db")
    production = {"FLASK_DEBUG": "0", "SECRET_KEY": "9f6a1c8e7b"}
    assert "not opened: the application does not run in development" in refused(**production)
    elsewhere = tmp_path / "elsewhere.db"
    elsewhere.write_bytes((project.path / "instance" / "my_app.db").read_bytes())
    assert "not opened: it lies outside the project" in refused(DATABASE_URL=f"sqlite:///{elsewhere}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = project.flask_fails("db", "browse", "--port", str(port))
    assert sentence.startswith(
        f"Error: Port {port} is not available (Address already in use): choose another"
    )
