"""`make browse`: a real browser looks into the development database, and cannot change it unless asked."""

import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import servers
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from project import Bake, BakedProject, clean_environment
from servers import Server, free_port

INSERT = "INSERT INTO tags (name) VALUES ('smuggled')"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """That of the system: the package of Playwright brings none along, it would download one."""
    program = shutil.which("google-chrome") or servers.find("chromium")
    with sync_playwright() as playwright:
        # its sandbox does not work for root
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with closing(browser.new_page()) as page:
        page.set_default_timeout(20_000)
        yield page


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
        return urllib.request.urlopen(urllib.request.Request(url, data, headers)).status
    except urllib.error.HTTPError as error:
        return error.code


def field(page: Page, name: str) -> Locator:
    return page.get_by_label(re.compile(rf"^\s*{re.escape(name)}[\s*]*$"))


def test_X1_tables_schema_and_rows_in_a_browser_and_no_way_to_write(
    anywhere: BakedProject, page: Page
) -> None:
    project = anywhere
    project.make("db")
    with browsing(project) as url:
        page.goto(url)
        page.get_by_role("link", name="users", exact=True).click()
        schema = page.locator("#schema").inner_text()
        assert re.search(r"email\s+VARCHAR\(254\)\s+NOT NULL", schema), schema
        assert "(email)" in schema and "uq_users_email" in schema and "ix_users_name" in schema
        rows = page.locator(".model-list tr").all_inner_texts()
        assert len(rows) == 2 and re.match(r"1\s+ada@example.com\s+Ada\s", rows[1]), rows
        page.get_by_placeholder("email, name").fill("nobody")
        page.get_by_role("button", name="Search").click()
        page.get_by_text("There are no items in the table").wait_for()

        assert page.get_by_role("link", name="Create", exact=True).count() == 0
        assert status_of(f"{url}/table/users/new/") == 200  # back at the list
        status_of(f"{url}/table/tags/new/", b"column_1=smuggled")
        status_of(f"{url}/table/users/delete/", b"id=1")
        assert project.sql("SELECT count(*) FROM users") == [(1,)]
        assert project.sql("SELECT count(*) FROM tags WHERE name = 'smuggled'") == [(0,)]

        # What is migrated meanwhile is there at the next click.
        column = 'op.add_column("users", sa.Column("phone", sa.String(30)))'
        project.write_revision("phone", f"def upgrade():\n    {column}\n")
        project.flask("db", "upgrade")
        page.goto(f"{url}/table/users/")
        assert re.search(r"phone\s+VARCHAR\(30\)", page.locator("#schema").inner_text())


def test_X1_it_is_the_database_that_refuses_a_write(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    code = (
        "from my_app import create_app\nfrom flask_safe_migrations import backends as engines\n"
        "app = create_app().app_context()\n"
        "with app, engines.configured().create_read_only_engine().connect() as connection:\n"
        "    print(connection.exec_driver_sql('SELECT name FROM users').scalar())\n"
        f"    connection.exec_driver_sql({INSERT!r})\n    connection.commit()\n"
    )
    result = project.run(project.python, "-c", code, check=False, FLASK_DEBUG="1")
    assert result.returncode == 1 and "Ada\n" in result.out
    assert re.search("readonly database|read-only transaction|READ ONLY transaction", result.out)
    assert project.sql("SELECT count(*) FROM tags WHERE name = 'smuggled'") == [(0,)]


def test_X1_with_write_rows_are_changed_added_and_deleted(anywhere: BakedProject, page: Page) -> None:
    project = anywhere
    project.make("db")
    with browsing(project, "--write") as url:
        page.goto(f"{url}/table/users/")
        page.get_by_title("Edit Record").click()
        field(page, "name").fill("Ada Lovelace")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("Ada Lovelace").wait_for()
        page.goto(f"{url}/table/tags/")
        page.get_by_role("link", name="Create", exact=True).click()
        field(page, "name").fill("added")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("added", exact=True).wait_for()
        assert project.sql("SELECT name FROM users") == [("Ada Lovelace",)]
        page.on("dialog", lambda dialog: dialog.accept())
        row = page.locator(".model-list tr", has_text="added")
        row.get_by_title("Delete record").click()
        page.get_by_text("successfully deleted").wait_for()
        assert project.sql("SELECT count(*) FROM tags WHERE name = 'added'") == [(0,)]
        # A form of another site lacks the token; the revision is changed by migrations only.
        status_of(f"{url}/table/tags/new/", b"column_1=smuggled")
        assert project.sql("SELECT count(*) FROM tags WHERE name = 'smuggled'") == [(0,)]
        page.goto(f"{url}/table/alembic_version/")
        assert (
            page.get_by_title("Edit Record").count() == 0
            and page.get_by_role("link", name="Create", exact=True).count() == 0
        )


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
        assert "PRIMARY KEY (id)" in page.locator("#schema").inner_text()
        page.goto(f"{url}/default/table/users/")
        assert "ada@example.com" in page.locator(".model-list").inner_text()
    with browsing(project, "--bind", "night-log") as url:
        assert status_of(f"{url}/table/entry/") == 200


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_X1_tables_that_nobody_planned_for(on: Bake, engine: str, page: Page) -> None:
    """Without a key, with equal rows and rows of NULL; a view; markup; a column called as a method is."""
    project = on(engine)
    project.make("db")
    quote = "`{}`".format if engine == "mariadb" else '"{}"'.format
    project.sql("CREATE TABLE keyless (a INTEGER, b TEXT)")
    project.sql("INSERT INTO keyless VALUES (NULL, NULL), (1, 'x'), (1, 'x')")
    project.sql("CREATE VIEW names AS SELECT name FROM users")
    odd = quote("a/b <c>")
    project.sql(f"CREATE TABLE {odd} (id INTEGER PRIMARY KEY, {quote('query')} TEXT, {quote('a.b')} TEXT)")
    project.sql(f"INSERT INTO {odd} VALUES (1, '<script>document.title = 1</script>', 'dotted')")
    with browsing(project, "--write") as url:
        page.goto(f"{url}/table/keyless/")
        assert [row.split() for row in page.locator(".model-list tr").all_inner_texts()[1:]] == [
            ["1", "NULL", "NULL"],
            ["2", "1", "x"],
            ["3", "1", "x"],
        ]
        page.goto(f"{url}/table/names/")
        assert "Ada" in page.locator(".model-list").inner_text()
        page.goto(url)
        page.get_by_role("link", name="a/b <c>").click()
        text = page.locator(".model-list").inner_text()
        assert "<script>document.title" in text and "dotted" in text and page.title() != "1"
        page.get_by_title("Edit Record").click()
        field(page, "a.b").fill("changed")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("changed", exact=True).wait_for()


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
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'flask_admin' else find(name, *rest)\n"
    )
    assert "uv add --dev 'flask-safe-migrations[browse]'" in refused(PYTHONPATH=str(tmp_path))
