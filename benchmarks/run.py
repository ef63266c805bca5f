"""Measures this template against an empty one and stock Flask-Migrate, side by side.

`python benchmarks/run.py`, with a Python that has cookiecutter. Seconds that were taken at
different times on a busy machine cannot be compared; here the two sides take turns, and each
ratio is that of neighbours in time.
"""

import argparse
import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

import histories
import projects
from timing import Comparison, line, run

TEMPLATE = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each side (default: 5)")
    parser.add_argument(
        "--revisions", type=int, default=1000, help="length of the long history (default: 1000)"
    )
    arguments = parser.parse_args()
    if arguments.runs < 1 or arguments.revisions < 1:
        parser.error("--runs and --revisions have to be at least 1")
    if not importlib.util.find_spec("cookiecutter"):
        sys.exit(f"{sys.executable} has no cookiecutter: run this with a Python that has it.")
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as work:
        measure(Path(work), arguments.runs, arguments.revisions)


def measure(work: Path, runs: int, revisions: int) -> None:
    print("Making a project of each kind and one environment for both ...", flush=True)
    empty = projects.make_empty_template(work / "empty")
    ours = projects.make_ours(work / "ours", TEMPLATE)
    python = projects.make_environment(work / "environment", ours)
    stock = projects.make_stock(work / "stock", python)

    print(f"Medians of {runs}; the ratio is the median of the pairs' ratios.\n")
    print(Comparison.heading(), flush=True)

    baked = Comparison("bake (stock: an empty template)", aim=1.15)
    sides = [projects.baking(template, work / "baked") for template in (TEMPLATE, empty)]
    print(baked.measure(*sides, runs=runs), flush=True)

    pending = Comparison("flask db upgrade, nothing pending", aim=1.0)
    sides = [projects.upgrading(project, python) for project in (ours, stock)]
    print(pending.measure(*sides, runs=runs), flush=True)
    create_app = projects.python(ours, python, projects.CREATE_APP)
    alone = Comparison("the same (stock: create_app() alone)", aim=1.1)
    print(alone.measure(sides[0], create_app, runs=runs), flush=True)
    measure_serving(work, python, ours, runs)

    for project in (ours, stock):
        histories.write(project / "migrations" / "versions", revisions)
    history = Comparison(f"flask db upgrade, {revisions:,} revisions", aim=0.5)
    sides = [projects.upgrading(project, python, from_scratch=True) for project in (ours, stock)]
    print(history.measure(*sides, runs=runs), flush=True)
    if projects.read_database(ours) != projects.read_database(stock):
        sys.exit("The two databases differ after the long history: its line compares nothing.")
    measure_new(work, python, runs, revisions)
    measure_squash(work, python, runs, revisions)


def measure_serving(work: Path, python: Path, ours: Path, runs: int) -> None:
    """The first response beside that of an application without migrations, and a test database."""
    without = work / "without"
    shutil.copytree(ours, without)
    database = without / "my_app" / "database.py"
    database.write_text(database.read_text().replace("    migrate.init_app(app, db)\n", ""))
    first = Comparison("first response (stock: no Migrate)", aim=1.05)
    sides = [projects.python(project, python, projects.FIRST_RESPONSE) for project in (ours, without)]
    print(first.measure(*sides, runs=runs), flush=True)
    database = f"sqlite:///{work}/first_page.db"
    page = Path(__file__).with_name("first_page.py")
    seconds = float(run([str(python), str(page), database], ours))
    print(line("first page, 300 tables", seconds, limit=0.1), flush=True)
    copies = Comparison("50 test databases (create_all())", aim=1.0)
    sides = [projects.python(ours, python, code) for code in (projects.COPIES, projects.CREATE_ALL)]
    print(copies.measure(*sides, runs=runs), flush=True)


def measure_new(work: Path, python: Path, runs: int, size: int) -> None:
    """Ours compares with a throwaway database and proves; stock compares with one that is up to date."""
    cases = {
        f"new, {size:,} tables": (histories.write_tables, histories.models(size, 1), size),
        f"new, {size:,} revisions": (histories.write, histories.models(size // 10, 10), size),
        f"verify / check, {size // 10:,} revisions": (
            histories.write,
            histories.models(size // 100, 10).replace("if number == 0", "if False"),
            size // 10,
        ),
    }
    for number, (what, (write, models, length)) in enumerate(cases.items()):
        ours = projects.make_ours(work / f"ours{number}", TEMPLATE, "example_models=false")
        (ours / "my_app" / "models" / "many.py").write_text(f"from ..database import db\n\n{models}")
        stock = projects.make_stock(work / f"stock{number}", python, models=models)
        for project in (ours, stock):
            write(project / "migrations" / "versions", length)
        projects.list_revisions(ours, python)
        for project in stock.glob("instance/*.db"):
            project.unlink()
        projects.upgrading(stock, python).seconds()
        commands = [["new", "-m", "new"], ["migrate", "-m", "new"]]
        if what.startswith("verify"):
            commands = [["verify"], ["check"]]
        sides = [
            projects.flask(project, python, *command)
            for project, command in zip((ours, stock), commands, strict=True)
        ]
        sides[0].seconds()  # the throwaway database is kept, what was proved is remembered
        aim = 1.3 if what.startswith("new") and write is histories.write else 2.0
        comparison = Comparison(f"flask db {what}", aim=aim)
        print(comparison.measure(*sides, runs=runs), flush=True)


def measure_squash(work: Path, python: Path, runs: int, revisions: int) -> None:
    """`make db` with a squashed history, beside one revision written by hand and the history as it was."""
    rebuilding = {}
    for name in ("squashed", "one", "before"):
        project = projects.make_ours(work / name, TEMPLATE, "example_models=false")
        write = histories.write_whole if name == "one" else histories.write
        write(project / "migrations" / "versions", revisions)
        if name == "squashed":
            projects.flask(project, python, "squash", "--yes").seconds()
        rebuilding[name] = projects.flask(project, python, "rebuild")
    squashed = rebuilding["squashed"]
    one = Comparison(f"make db, {revisions:,} squashed (one)", aim=1.1)
    print(one.measure(squashed, rebuilding["one"], runs=runs), flush=True)
    before = Comparison(f"make db, {revisions:,} squashed (before)", aim=1.0)
    print(before.measure(squashed, rebuilding["before"], runs=runs), flush=True)
    if projects.read_columns(squashed.folder) != projects.read_columns(rebuilding["one"].folder):
        sys.exit("The two databases differ after the squash: its lines compare nothing.")


if __name__ == "__main__":
    main()
