"""Measures what the development page costs for a request that finds nothing pending.

`python benchmarks/pending_page.py`, with a Python that has cookiecutter; with the URL of a database that
may be empty, it is measured there as well. A generated project in debug mode answers `/health/live`, which
needs no database, with and without the page in front of it, in turn.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import projects
from timing import ENVIRONMENT

TEMPLATE = Path(__file__).resolve().parent.parent
REQUESTS = """
import os, sys, time
from statistics import median
from my_app import create_app

app = create_app()
page = app.wsgi_app
environ = app.test_client().get("/health/live", headers={"Accept": "text/html"}).request.environ
assert page.checker.passes(), "Something is pending."


def seconds(answer):
    request = {name: value for name, value in environ.items() if not name.startswith(("werkzeug.", "flask."))}
    start = time.perf_counter()
    for part in answer(request, lambda status, headers: None):
        pass
    return time.perf_counter() - start


what, changes = sys.argv[1], sys.argv[1].startswith("sqlite,")
file = app.config["SQLALCHEMY_DATABASE_URI"].database
pairs = []
for _ in range(2000):
    if what.startswith("sqlite"):  # the time of the last commit
        os.utime(file, None if changes else (1e9, 1e9))
    pairs.append((seconds(page), seconds(page.wsgi_app)))
with_page, without = (1000 * median(side) for side in zip(*pairs))
added = 1000 * median(one - other for one, other in pairs)
met = "yes" if added < 1 else "no"
print(f"{what:24} {with_page:10.3f} {without:8.3f} {added:7.3f}  {met}")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", nargs="*", help="databases besides SQLite")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as work:
        project = projects.make_ours(Path(work) / "ours", TEMPLATE)
        python = projects.make_environment(Path(work) / "environment", project)
        print(f"{'milliseconds':24}  with page  without   added  under 1")
        own = f"sqlite:///{project}/instance/my_app.db"
        names = {"sqlite": own, "sqlite, written meanwhile": own}
        for name, url in (names | {url.partition(":")[0]: url for url in arguments.url}).items():
            environment = {**ENVIRONMENT, "FLASK_DEBUG": "1", "DATABASE_URL": url}
            for code in (["-m", "flask", "db", "upgrade"], ["-c", REQUESTS, name]):
                result = subprocess.run(
                    [str(python), *code],
                    cwd=project,
                    env=environment,
                    stdout=subprocess.PIPE,
                    text=True,
                    check=False,
                )
                if result.returncode:
                    sys.exit(f"{url} cannot be measured.")
            print(result.stdout, end="", flush=True)


if __name__ == "__main__":
    main()
