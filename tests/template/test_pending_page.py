"""The development page in a real browser, in front of a generated project as a user runs it."""

import dataclasses
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import browsers
import pytest
from playwright.sync_api import Browser, Page
from project import Bake, BakedProject, clean_environment
from servers import free_port
from test_downgrades import PRODUCTION

PHONE = "phone: Mapped[str | None] = mapped_column(String(30))"
NICK = "nick: Mapped[str | None] = mapped_column(String(30))"


@pytest.fixture(scope="module")
def project(baked: Bake, environment: Path, tmp_path_factory: pytest.TempPathFactory) -> BakedProject:
    """A project before its first command."""
    return baked().copy_to(tmp_path_factory.mktemp("served")).share(environment)


@pytest.fixture(scope="module")
def site(project: BakedProject) -> Iterator[tuple[str, Path]]:
    """`make run` with its reloader: the address, and the file with its output."""
    port, output = free_port(), project.path / "run.log"
    with output.open("w") as file:
        process = subprocess.Popen(
            [project.python, "-m", "flask", "run", "--port", str(port)],
            cwd=project.path,
            env=clean_environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    yield f"http://127.0.0.1:{port}", output
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)
    assert "Traceback" not in output.read_text()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(20_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda each: problems.append(each.text) if "Content Security" in each.text else None)
    yield page
    page.close()
    assert not problems


def open_when(page: Page, url: str, title: str) -> None:
    """Open an address again until the server has restarted and shows this heading."""
    ends, seen = time.monotonic() + 30, ""
    while time.monotonic() < ends:
        try:
            page.goto(url)
            seen = page.locator("h1").inner_text(timeout=2_000)
        except Exception as error:  # it is restarting
            seen = str(error)
        if title in seen:
            return
        time.sleep(0.2)
    raise AssertionError(f"{title!r} does not appear: {seen}")


def check_access(page: Page) -> None:
    """No serious finding of axe-core and no sideways scrolling: light and dark, wide and narrow."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert not browsers.find_barriers(page), (scheme, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (scheme, width)
    page.set_viewport_size({"width": 1280, "height": 800})


def tab_to(page: Page, name: str) -> None:
    """Move the focus there with the keyboard; it has to be visible on the way."""
    for _ in range(30):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.textContent.trim()")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", focused
        if focused == name:
            return
    raise AssertionError(f"{name} is not reached")


# In this order: each goes on where the one before has stopped.


def test_the_first_run_with_the_keyboard_only(project: BakedProject, site, page: Page) -> None:
    url, output = site
    open_when(page, f"{url}/?from=here", "The database does not exist yet")
    assert page.get_by_text("creates table users").is_visible()
    check_access(page)
    tab_to(page, "Create the database")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/?from=here")
    page.get_by_text("my_app").first.wait_for()
    assert "does not exist" not in page.content()
    assert project.revision == "3f1d9a62c0b7"
    line = "The database does not exist yet: 1 revision is pending. Create it with `make migrate`.\n"
    assert output.read_text().count(line) == 1 and output.read_text().count("pending") == 1


def test_a_pending_revision_and_the_way_back(project: BakedProject, site, page: Page) -> None:
    url, _output = site
    project.add_column(PHONE)
    project.revise("phone numbers")
    drop = 'def upgrade():\n    op.drop_column("users", "created_at")\n\n\ndef downgrade():\n    pass'
    path = project.write_revision("dropped", drop)
    open_when(page, f"{url}/health?a=1&b=%20c", "2 revisions are pending")
    for text in (
        "phone numbers",
        "adds column users.phone (VARCHAR(30), nullable)",
        "Warning, line 10: drops column users.created_at",
    ):
        assert page.get_by_text(text, exact=True).is_visible(), text
    assert page.get_by_text("ADD COLUMN phone").is_visible()
    tab_to(page, "SQL")
    page.keyboard.press("Enter")
    assert not page.get_by_text("ADD COLUMN phone").is_visible()
    page.get_by_text("Safer code").first.click()
    check_access(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    page.get_by_role("button", name="Copy make migrate").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "make migrate"

    path.unlink()  # the page shows a revision that is no longer there
    page.get_by_role("button", name="Apply 2 revisions").click()
    page.get_by_text("The page was out of date, and nothing was applied.").wait_for()
    assert project.revision == "3f1d9a62c0b7"
    page.get_by_role("button", name="Apply it").click()
    page.get_by_text('"status"').wait_for()
    assert page.url == f"{url}/health?a=1&b=%20c"
    assert project.sql("SELECT phone FROM users") == []


def test_models_that_differ_and_the_way_past_them(project: BakedProject, site, page: Page) -> None:
    url, _output = site
    project.add_column(NICK)
    open_when(page, f"{url}/health?a=2", "The models differ from the revisions")
    assert page.get_by_text("adds column users.nick (VARCHAR(30), nullable)").is_visible()
    assert page.get_by_text('make newmigration m="what has changed"', exact=True).is_visible()
    check_access(page)
    page.get_by_role("button", name="Continue to the application").click()
    page.get_by_text('"status"').wait_for()
    assert page.url == f"{url}/health?a=2"


def test_other_sites_cannot_use_it(project: BakedProject, site, page: Page) -> None:
    url, _output = site
    project.revise("nicknames")
    before = project.revision
    open_when(page, f"{url}/health", "1 revision is pending")
    check_access(page)
    form = page.locator("form").first
    token = form.locator("[name=token]").get_attribute("value")
    # Even if it knew the token: a page of another origin, here of none.
    page.goto("about:blank")
    page.set_content(
        f'<form method=post action="{url}/_flask_safe_migrations/apply">'
        f'<input name=token value="{token}"><input name=next value=/><button>Win</button></form>'
    )
    with page.expect_response(lambda response: response.url.endswith("/apply")) as answer:
        page.get_by_role("button").click()
    assert answer.value.status == 403
    # DNS rebinding: the page of the attacker is of the same origin, and may read and send anything.
    port = url.rpartition(":")[2]
    page.goto(f"http://evil.example:{port}/health")
    assert page.locator("h1").inner_text() == "Not ready"
    text = page.content()
    assert "nicknames" not in text and "my_app" not in text and "token" not in text
    (project.path / project.package / "static" / "attack.html").write_text("<h1>Hi</h1>")
    page.goto(f"http://evil.example:{port}/static/attack.html")  # its answer before the name changed
    options = f"{{method: 'POST', body: new URLSearchParams({{token: '{token}'}})}}"
    post = f"fetch('/_flask_safe_migrations/apply', {options}).then(response => response.status)"
    assert page.evaluate(post) == 403
    assert "nicknames" not in page.evaluate("fetch('/health').then(response => response.text())")
    assert project.revision == before


def test_production_reveals_nothing(project: BakedProject) -> None:
    """The database is behind still: only the health check reports it."""
    code = (
        "from my_app import create_app\nclient = create_app().test_client()\n"
        "for path in ('/', '/health', '/health/live', '/health/ready', '/nowhere'):\n"
        "    print(path, client.get(path, headers={'Accept': 'text/html'}).status_code)\n"
        "    text = client.get(path, headers={'Accept': 'text/html'}).text\n"
        "    assert 'nicknames' not in text and 'pending' not in text and 'make migrate' not in text, text\n"
        "print(client.post('/_flask_safe_migrations/apply', data={'token': 'x'}).status_code)\n"
        "import sys; print([name for name in sys.modules if 'pending_page' in name or name == 'alembic'])\n"
    )
    own = dataclasses.replace(project, forks=False)  # a forked one has loaded all libraries
    out = own.run(project.python, "-c", code, **PRODUCTION).out
    lines = re.findall(r"^(?:/\S* )?\d{3}$|^\[(?:'.*)?\]$", out, re.MULTILINE)
    expected = ["/ 200", "/health 200", "/health/live 200", "/health/ready 503", "/nowhere 404", "404", "[]"]
    assert lines == expected, out
