"""Make the README's pictures from a real run: a recording of the terminal, and two pages in a browser."""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cookiecutter.main import cookiecutter
from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from recording import Recording, record
from svg_recording import draw

TEMPLATE = Path(__file__).parent.parent
FOLDER = TEMPLATE / "docs" / "pictures"
COLUMNS = 88
HOME = "/home/you/dev"
COLUMN = "    phone: Mapped[str | None] = mapped_column(String(30))\n"
VIEWPORT = {"width": 1100, "height": 640}
MAX_HEIGHT = 1000
SCALE = 2
# In the texts of a page: the folder of the run.
RENAME = """([folder, home]) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(folder, home)
}"""
MAX_BYTES = 120_000
# What this repository's make and environment set, and the project must not see.
HIDDEN = ("CI", "FORCE_COLOR", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "NO_COLOR", "PYTHONPATH", "VIRTUAL_ENV")


def main() -> None:
    """Bake a project, and take the pictures where a newcomer would see the same."""
    for name in HIDDEN:
        os.environ.pop(name, None)
    if not (chromium := shutil.which("chromium") or shutil.which("google-chrome")):
        sys.exit("There is no Chromium: apt-get install chromium.")
    with tempfile.TemporaryDirectory(prefix="") as folder:
        home = HOME.ljust(len(folder), "s")  # as long, so that lines are wrapped at the same place
        project = Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=folder))
        subprocess.run(["make", "db"], cwd=project, check=True)
        recorded: list[tuple[str, Recording]] = []

        def run(command: str) -> None:
            made = record(["sh", "-c", command], columns=COLUMNS, cwd=project)
            if made.code:
                sys.exit("\n".join([f"{command} failed:", *made.lines]))
            made.chunks = [(at, chunk.replace(folder.encode(), home.encode())) for at, chunk in made.chunks]
            recorded.append((command, made))

        with sync_playwright() as playwright, serve(project) as url:
            browser = playwright.chromium.launch(executable_path=chromium)
            models = project / "my_app" / "models" / "users.py"
            models.write_text(models.read_text().replace("    created_at:", f"{COLUMN}    created_at:", 1))
            run('make newmigration m="add users.phone"')
            wait_for(url)  # the server starts again, with the new model
            take(browser, url, FOLDER / "pending.png", (folder, home))
            run("make migrate")
            run("make status")
            take(browser, url, FOLDER / "welcome.png", (folder, home))
            browser.close()
    title = "A column is added"
    description = (
        "`make newmigration` writes and proves a revision, `make migrate` applies it, `make status` shows it."
    )
    FOLDER.joinpath("terminal.svg").write_text(draw(title, description, recorded), encoding="utf-8")
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.relative_to(TEMPLATE)}  {path.stat().st_size / 1000:.0f} kB")


@contextmanager
def serve(project: Path) -> Iterator[str]:
    """Run `make run` within the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    with subprocess.Popen(
        ["make", "run", f"args=--port {port}"],
        cwd=project,
        start_new_session=True,  # so that the reloader's child ends with it
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            wait_for(url)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def wait_for(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=10).close()
            return
        except urllib.error.HTTPError:  # an error page is a page
            return
        except OSError:
            time.sleep(0.5)
    sys.exit(f"{url} does not answer.")


def take(browser: Browser, url: str, path: Path, renamed: tuple[str, str]) -> None:
    """Take a screenshot of a page from its top, with at most 256 colours.

    :param renamed: the folder of the run, and what the page shows in its place.
    """
    page = browser.new_page(
        viewport=VIEWPORT, device_scale_factor=SCALE, reduced_motion="reduce", bypass_csp=True
    )
    page.goto(url, wait_until="networkidle")
    page.evaluate(RENAME, list(renamed))
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as image:
        path.parent.mkdir(exist_ok=True)
        seen = image.convert("RGB").crop((0, 0, image.width, min(image.height, MAX_HEIGHT * SCALE)))
        seen.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    page.close()
    if path.stat().st_size > MAX_BYTES:
        sys.exit(f"{path.name} has {path.stat().st_size} bytes, more than {MAX_BYTES}.")


if __name__ == "__main__":
    main()
