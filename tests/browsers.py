"""The browser of the system, and what its pages have to be like."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import servers
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

# evil.example stands for a name whose owner lets it point to the developer's machine. The sandbox does not
# work for root.
OPTIONS = ["--no-sandbox", "--host-resolver-rules=MAP evil.example 127.0.0.1"]


@contextmanager
def launch() -> Iterator[Browser]:
    """Start it. Playwright brings none along, it would download one."""
    program = shutil.which("google-chrome") or servers.find("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


def find_barriers(page: Page, options: Any = None) -> list[tuple[str, str]]:
    """Return what axe-core finds that keeps people from using the page, with the first element of each."""
    found = Axe().run(page, options=options).response["violations"]
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]
    return [(each["id"], each["nodes"][0]["html"]) for each in serious]
