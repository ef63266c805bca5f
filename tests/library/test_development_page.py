"""The development page: what a request gets while a database and the code do not fit together."""

import html
import logging
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from histories import ENGINES
from in_process import Shop
from project import names
from sqlalchemy import String, event, make_url
from werkzeug.wrappers import Request

from flask_safe_migrations.pending_page import checker, differences, request_checks
from flask_safe_migrations.pending_page.middleware import APPLY, CONTINUE

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
PHONE = """
def upgrade():
    op.add_column("person", sa.Column("phone", sa.String(30)))
    op.create_index("ix_person_phone", "person", ["phone"])
def downgrade():
    op.drop_index("ix_person_phone", "person")
    op.drop_column("person", "phone")
"""
PERSON = """
def upgrade():
    op.create_table("person", sa.Column("id", sa.Integer), sa.Column("name", sa.String(50)),
        sa.PrimaryKeyConstraint("id", name="pk_person"))
def downgrade():
    op.drop_table("person")
"""


def person(db):
    class Person(db.Model):
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(String(50))


def person_with_phone(db):
    class Person(db.Model):
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(String(50))
        phone = db.Column(String(30), index=True)


def person_of_nobody(db):
    class Person(db.Model):
        id = db.Column(db.Integer, primary_key=True)
        group_id = db.Column(db.ForeignKey("groups.id"))


class Site(Shop):
    """An application with a page, a form and the page in front of them."""

    def be(self, models, **config):
        super().be(models, **config)
        self.app.static_folder = str(self.folder)
        self.app.add_url_rule("/", "home", lambda: "home", methods=["GET", "POST"])
        self.app.add_url_rule("/people", "people", lambda: "people")
        self.app.add_url_rule("/people/new", "new", lambda: "made", methods=["POST"])

    def get(self, path="/people?page=2", **headers):
        return self.app.test_client().get(path, headers={**HTML, **headers})

    def text(self, **headers):
        """What curl gets."""
        return self.app.test_client().get("/people", headers={"Accept": "*/*", **headers}).text

    def title(self):
        page = self.get()
        assert page.status_code == 503, page.text
        return html.unescape(re.search("<h1>(.*?)</h1>", page.text)[1])

    def press(self, path=APPLY, page=None, **options):
        """Press the button of a page; return the response."""
        page = page or self.get()
        fields = dict(re.findall(r'name="(token|next)" value="(.*?)"', page.text))
        data = {name: html.unescape(value) for name, value in fields.items()}
        options = {"headers": OWN, "data": data, **options}
        return self.app.test_client().post(path, **options)


@pytest.fixture(autouse=True)
def debug_mode(monkeypatch):
    """`flask` sets app.debug by it."""
    monkeypatch.setenv("FLASK_DEBUG", "1")


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path, f"sqlite:///{tmp_path}/instance/site_dev.db", person, pending_page=True)
    (tmp_path / "instance").mkdir()
    site.write_revision("start", PERSON)
    return site


@pytest.fixture
def up_to_date(site):
    site.run("upgrade")
    assert site.get().text == "people"
    return site


@pytest.fixture(params=ENGINES)
def site_on(request, tmp_path):
    url = f"sqlite:///{tmp_path}/instance/site_dev.db"
    if request.param != "sqlite":
        url = request.getfixturevalue(request.param).url(f"site_{next(names)}_dev")
    (tmp_path / "instance").mkdir()
    site = Site(tmp_path, url, person, pending_page=True)
    site.write_revision("start", PERSON)
    yield site
    with site.app.app_context():
        site.db.engine.dispose()


def test_from_the_first_run_to_a_pending_revision(site_on):
    site = site_on
    page = site.get()
    assert page.status_code == 503 and "The database does not exist yet" in page.text
    assert "creates table person (id, name)" in page.text and "CREATE TABLE person" in page.text
    response = site.press(page=page)
    assert (response.status_code, response.location) == (303, "/people?page=2")
    assert site.revision == "start"
    assert site.get().text == "people"

    site.write_revision("phone", PHONE)  # while the server runs
    page = site.get()
    assert "<h1>1 revision is pending</h1>" in page.text
    assert "adds column person.phone (VARCHAR(30), nullable)" in page.text
    assert "ADD COLUMN phone VARCHAR(30)" in page.text
    assert "drops index" not in page.text  # it is not proved here, only shown
    assert site.revision == "start"
    assert site.text() == "1 revision is pending: phone (phone). Apply with `flask db upgrade`.\n"
    site.be(person_with_phone)  # the developer has changed the model as well
    assert site.press().location == "/people?page=2"
    assert site.revision == "phone"
    assert site.get().text == "people"


def test_warnings_and_their_safer_code(site):
    site.run("upgrade")
    site.write_revision("gone", 'def upgrade():\n    op.drop_column("person", "name")\n')
    page = html.unescape(site.get().text)
    assert "Warning, line 10: drops column person.name" in page
    assert "Safer code" in page


def test_a_failure_is_shown_on_the_same_page_with_the_way_on(site_on):
    site = site_on
    site.run("upgrade")
    site.sql("INSERT INTO person (id, name) VALUES (1, 'Ada'), (2, 'Ada')")
    path = site.write_revision(
        "unique",
        "def upgrade():\n    with op.batch_alter_table('person') as batch_op:\n"
        "        batch_op.create_unique_constraint('uq_person_name', ['name'])\n",
    )
    site.be(person, MIGRATION_COMMANDS="make")
    assert site.press().status_code == 303
    page = site.get()
    assert page.status_code == 503 and "It was not applied." in page.text
    assert "person.name occurs more than once" in page.text and "<code>make migrate</code>" in page.text
    path.write_text(path.read_text().replace("def upgrade", "# changed\ndef upgrade"))
    assert "It was not applied." not in site.get().text  # it is about the file as it was


def test_a_revision_that_fails_on_a_shadow_database(site):
    site.run("upgrade")
    site.write_revision("wrong", "def upgrade():\n    op.drop_table('nobody')\n")
    page = site.get()
    assert "It fails." in page.text and "no such table: nobody" in page.text
    assert '<button class="quiet">Apply anyway</button>' in page.text


def test_a_half_applied_revision_can_be_resumed(request, tmp_path):
    server = request.getfixturevalue("mariadb")
    site = Site(tmp_path, server.url(f"site_{next(names)}_dev"), person, pending_page=True)
    site.write_revision("start", PERSON)
    site.run("upgrade")
    assert site.get().text == "people"
    body = 'def upgrade():\n    op.create_table("a", sa.Column("id", sa.Integer))\n    1 / 0\n'
    path = site.write_revision("half", body)
    site.press()
    page = site.get()
    assert "<h1>A revision is half applied</h1>" in page.text and ">Resume</button>" in page.text
    assert "flask db resume --abandon" in page.text
    path.write_text(path.read_text().replace("1 / 0", "pass"))
    site.press()
    assert site.revision == "half"

    path.write_text(path.read_text() + "\ndef downgrade():\n    op.drop_table('a')\n    1 / 0\n")
    site.list_revisions()
    assert site.text() == "people"  # from now on, nothing but the database changes
    site.run("downgrade", code=1)
    assert site.revision == "half"  # it is at head, and yet something is wrong
    page = site.get()
    assert "The downgrade of half stopped half-way" in page.text and ">Resume</button>" not in page.text


def test_a_server_that_does_not_answer(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        url = f"postgresql://me:secret-word@127.0.0.1:{port}/site_dev"
        site = Site(tmp_path, url, person, pending_page=True)
        site.write_revision("start", PERSON)
        page = site.get()
    assert "<h1>The database does not answer</h1>" in page.text
    assert f"PostgreSQL at 127.0.0.1:{port}" in page.text and "Check again" in page.text
    assert "secret-word" not in page.text and 'class="primary"' not in page.text


def test_several_heads(site):
    site.run("upgrade")
    site.write_revision("one", PHONE)
    other = site.write_revision("other", PERSON.replace("person", "animal"))
    other.write_text(other.read_text().replace("down_revision = 'one'", "down_revision = 'start'"))
    assert site.title() == "The revisions have 2 heads"
    page = site.get()
    assert "<code>flask db rebase</code>" in page.text and 'class="primary"' not in page.text
    assert site.press().status_code == 403  # there is no button, so no token


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def upgrade(:", "line 12: invalid syntax"),
        ("<<<<<<< HEAD", "unresolved conflict"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_file_that_cannot_be_used(up_to_date, text, sentence):
    path = up_to_date.write_revision("broken", "def upgrade():\n    pass\n")
    path.write_text(path.read_text() + text)
    assert up_to_date.title() == "A revision cannot be used"
    assert path.name in up_to_date.text() and sentence in up_to_date.text()


def test_tables_that_no_revision_has_made(site):
    site.sql("CREATE TABLE person (id INTEGER)")
    assert site.title() == "The database has tables, but no revision"
    assert "flask db adopt" in site.text() and 'class="primary"' not in site.get().text


def test_a_revision_of_another_branch(site):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=site.folder, check=True, capture_output=True)

    git("init", "--initial-branch=main")
    git("add", "migrations")
    git("commit", "-m", "start")
    git("switch", "-c", "feature/phone")
    site.write_revision("phone", PHONE)
    git("add", "migrations")
    git("commit", "-m", "phone")
    site.run("upgrade")
    git("switch", "main")
    assert site.title() == "The database has a revision of other code"
    page = site.get()
    assert "on the branch feature/phone" in page.text
    assert "<code>git switch feature/phone</code>" in page.text
    assert "<code>flask db upgrade --undo-foreign</code>" in page.text
    git("branch", "-D", "feature/phone")
    assert "on no branch of git" in site.get().text


def test_several_databases(tmp_path):
    def models(db):
        person(db)

        class Visit(db.Model):
            __bind_key__ = "log"
            id = db.Column(db.Integer, primary_key=True)

    class Two(Site):
        def be(self, models, **config):
            super().be(models, SQLALCHEMY_BINDS={"log": f"sqlite:///{tmp_path}/instance/log.db"}, **config)

    (tmp_path / "instance").mkdir()
    site = Two(tmp_path, f"sqlite:///{tmp_path}/instance/site_dev.db", models, pending_page=True)
    log_table = 'def upgrade_log():\n    op.create_table("visit", sa.Column("id", sa.Integer))\n'
    site.write_revision("start", PERSON + log_table)
    page = site.get()
    assert "creates table person" in page.text and "creates table visit" in page.text
    site.press()
    assert (tmp_path / "instance" / "log.db").is_file()
    assert "models differ" in site.get().text  # its key has no name
    with site.app.app_context(), site.db.engines["log"].begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
        connection.exec_driver_sql("DROP TABLE visit")
    page = site.get()
    assert "1 revision is pending" in page.text
    assert "log: SQLite" in page.text and "creates table visit" in page.text
    assert "creates table person" not in page.text


def test_a_database_in_memory_is_left_alone(tmp_path):
    site = Site(tmp_path, "sqlite://", person, pending_page=True)
    site.write_revision("start", PERSON)
    assert site.get().text == "people"


# Who gets what.


def test_clients_other_than_a_browser_get_one_sentence(site):
    sentence = "The database does not exist yet: 1 revision is pending. Create it with `flask db upgrade`."
    client = site.app.test_client()
    answer = client.get("/people", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["message"]) == (503, sentence)
    assert client.post("/people/new", json={"a": 1}).json["message"] == sentence
    for headers in (
        {"Accept": "*/*"},
        {**HTML, "X-Requested-With": "XMLHttpRequest"},
        {**HTML, "Sec-Fetch-Mode": "cors"},
        {"Accept": "image/webp,*/*"},
    ):
        answer = client.get("/people", headers=headers)
        assert (answer.status_code, answer.text) == (503, f"{sentence}\n")
        assert answer.headers["Cache-Control"] == "no-store"
    answer = client.head("/people", headers=HTML)
    assert (answer.status_code, answer.data) == (503, b"")


def test_a_form_that_was_interrupted_returns_to_its_page(site):
    client = site.app.test_client()

    def next_of(path, **headers):
        page = client.post(path, data={"name": "Ada"}, headers={**HTML, **headers})
        assert "The form was not processed." in page.text
        return re.search('name="next" value="(.*?)"', page.text)[1]

    assert next_of("/people/new", Referer="http://localhost/people?page=2") == "/people?page=2"
    assert next_of("/people/new", Referer="http://evil.example/people") == "/people/new"
    assert next_of("/people/new", Referer="http://localhost.evil.example/people") == "/people/new"
    assert next_of("/people/new", Referer="http://[") == "/people/new"
    assert next_of("/people/new", Referer="http://localhost/a\\@evil.example") == "/a%5C@evil.example"
    assert next_of("/") == "/"
    assert not Path(site.url.database).exists()


def test_static_files_need_no_database(site):
    (site.folder / "style.css").write_text("p { color: red }")
    assert site.get("/static/style.css").status_code == 200
    assert site.get("/staticky").status_code == 503


def test_the_page_protects_itself(site):
    site.run("upgrade")
    path = site.write_revision("phone", PHONE)
    path.write_text(path.read_text().replace('"""phone', '"""<script>alert(1)</script>'))
    page = site.get("/people?<script>")
    nonce = re.search('<script nonce="(.+?)">', page.text)[1]
    assert page.text.count("<script") == 1 and page.text.count("<style") == 1
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and f"script-src 'nonce-{nonce}'" in policy
    assert "frame-ancestors 'none'" in policy and "unsafe" not in policy and page.text.count(" style=") == 0
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert nonce not in site.get().headers["Content-Security-Policy"]


# Security of the button.


@pytest.fixture
def pending(site):
    site.run("upgrade")
    site.write_revision("phone", PHONE)
    return site


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """One site for all requests that must change nothing."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "instance").mkdir()
    site = Site(folder, f"sqlite:///{folder}/instance/site_dev.db", person, pending_page=True)
    site.write_revision("start", PERSON)
    site.run("upgrade")
    site.write_revision("phone", PHONE)
    site.app.debug = True
    yield site
    assert site.revision == "start"


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"headers": {"Origin": "http://evil.example"}}, 403),
        ({"headers": {"Origin": "null"}}, 403),
        ({"headers": {"Origin": "http://localhost:8080"}}, 403),
        ({"headers": {"Origin": "https://localhost"}}, 403),
        ({"headers": {}}, 403),
        ({"headers": {**OWN, "Sec-Fetch-Site": "cross-site"}}, 403),
        ({"headers": {**OWN, "Sec-Fetch-Site": "same-site"}}, 403),
        # DNS rebinding: the name of the attacker's server leads here.
        ({"base_url": "http://evil.example", "headers": {"Origin": "http://evil.example"}}, 403),
        ({"base_url": "http://localhost.evil.example"}, 403),
        ({"base_url": "http://10.0.0.1", "headers": {"Origin": "http://10.0.0.1"}}, 403),
        ({"environ_base": {"REMOTE_ADDR": "10.0.0.2"}}, 403),
        ({"environ_base": {"REMOTE_ADDR": ""}}, 403),
        (
            {"environ_base": {"REMOTE_ADDR": "10.0.0.2"}, "headers": {**OWN, "X-Forwarded-For": "127.0.0.1"}},
            403,
        ),
        ({"headers": {**OWN, "X-Forwarded-For": "10.0.0.2"}}, 403),  # a proxy on this machine
        ({"headers": {**OWN, "Forwarded": "for=10.0.0.2"}}, 403),
        ({"data": {"next": "/"}}, 403),
        ({"data": {"next": "/", "token": ""}}, 403),
        ({"data": {"next": "/", "token": "0" * 64}}, 303),
        ({"data": {"next": "/", "token": "é"}}, 303),
    ],
)
def test_the_button_works_only_from_its_own_page_on_this_machine(guarded, options, status):
    assert guarded.press(**options).status_code == status
    assert guarded.revision == "start"


def test_the_button_needs_a_post(guarded):
    page = guarded.get()
    token = re.search('name="token" value="(.*?)"', page.text)[1]
    client = guarded.app.test_client()
    for method in ("get", "head", "put", "delete", "options"):
        response = getattr(client, method)(f"{APPLY}?token={token}", data={"token": token}, headers=OWN)
        assert (response.status_code, response.headers["Allow"]) == (405, "POST"), method
    assert guarded.revision == "start"


def test_a_proxy_fix_of_the_application_does_not_help(pending):
    from werkzeug.middleware.proxy_fix import ProxyFix

    pending.app.wsgi_app = ProxyFix(pending.app.wsgi_app, x_for=1, x_host=1)
    headers = {**OWN, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"}
    response = pending.press(headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.2"})
    assert response.status_code == 403
    del headers["X-Forwarded-Host"]
    assert pending.press(headers=headers).status_code == 403
    assert pending.revision == "start"


def test_a_button_applies_only_what_its_page_has_shown(pending):
    page = pending.get()
    pending.write_revision("more", PERSON.replace("person", "animal"))
    assert pending.press(page=page).status_code == 303
    assert pending.revision == "start"
    page = pending.get()
    assert "The page was out of date" in page.text
    assert "The page was out of date" not in pending.get().text
    pending.press(page=page)
    assert pending.revision == "more"


def test_nobody_else_reads_the_details(guarded):
    client = guarded.app.test_client()
    for options in (
        {"base_url": "http://evil.example"},
        {"environ_base": {"REMOTE_ADDR": "10.0.0.2"}},
        {"headers": {"X-Forwarded-For": "10.0.0.2"}},
    ):
        for accept in ("text/html", "application/json", "*/*"):
            headers = {**options.get("headers", {}), "Accept": accept}
            answer = client.get("/people", **{**options, "headers": headers})
            assert answer.status_code == 503
            assert "phone" not in answer.text and "site_dev" not in answer.text
            assert "token" not in answer.text and "not ready" in answer.text.lower()


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "people",
        "",
        " /people",
    ],
)
def test_the_button_leads_to_no_other_server(guarded, path):
    assert request_checks.safe_path(path) == "/"
    response = guarded.press(data={"next": path, "token": "outdated"})
    assert (response.status_code, response.location) == (303, "/")


@pytest.mark.parametrize("path", ["/", "/people?page=2&q=a%20b", "/a//b", "/caf%C3%A9", "/a;b=(c)?d=!"])
def test_the_button_leads_back_to_any_page_of_this_server(guarded, path):
    page = guarded.get(path)
    back = html.unescape(re.search('name="next" value="(.*?)"', page.text)[1])
    assert guarded.press(data={"next": back, "token": "outdated"}).location == path
    assert request_checks.safe_path(path) == path


def test_a_path_that_looks_like_another_server(pending):
    environ = {"PATH_INFO": "//evil.example/a", "HTTP_HOST": "localhost", "wsgi.url_scheme": "http"}
    request = Request({**environ, "REQUEST_METHOD": "GET", "QUERY_STRING": "b=1"})
    assert request_checks.find_return_path(request) in {"/", "/evil.example/a?b=1"}
    request = Request({**environ, "REQUEST_METHOD": "POST", "HTTP_REFERER": "http://localhost//evil.example"})
    assert request_checks.find_return_path(request) == "/"


@pytest.mark.parametrize("host", ["", "a b", "[", "[::1", "localhost:x", "é", "localhost/a", "a@localhost"])
def test_an_invalid_name_is_none_of_this_machine(guarded, host):
    answer = guarded.get(Host=host)
    assert answer.status_code in {400, 503} and "phone" not in answer.text
    assert guarded.press(headers={**OWN, "Host": host, "Origin": f"http://{host}"}).status_code in {400, 403}
    assert guarded.revision == "start"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("LOCALHOST:5000", True),
        ("shop.localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("[::1]:5000", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("0.0.0.0:5000", False),
        ("", False),
    ],
)
def test_names_of_this_machine(host, local):
    for address, is_loopback in {
        "127.0.0.1": True,
        "::1": True,
        "::ffff:127.0.0.1": True,
        "::2": False,
    }.items():
        request = Request({"REMOTE_ADDR": address, "HTTP_HOST": host})
        assert request_checks.is_local(request) is (local and is_loopback)


def test_nothing_is_installed_outside_debug_mode(tmp_path):
    site = Site(tmp_path, f"sqlite:///{tmp_path}/site.db", person, pending_page=True)
    site.write_revision("start", PERSON)
    site.app.debug = False  # after the page was installed
    assert site.get().text == "people"
    assert site.press(data={"token": "a"}).status_code == 404

    from flask import Flask

    from flask_safe_migrations import Migrate

    app = Flask("shop", root_path=str(tmp_path))
    app.debug = False
    before = app.wsgi_app
    Migrate(app, site.db, pending_page=True)
    assert app.wsgi_app == before
    app.debug = True
    Migrate(app, site.db)
    assert app.wsgi_app == before
    Migrate().init_app(app, site.db, pending_page=True)
    assert app.wsgi_app != before
    assert "pending_page" not in app.extensions["migrate"].configure_args


def test_tests_of_the_application_never_see_it(site):
    site.app.testing = True
    assert site.get().text == "people"


# Cost.


@pytest.fixture
def statements(up_to_date):
    """What the application's engine has sent."""
    statements = []
    with up_to_date.app.app_context():
        event.listen(
            up_to_date.db.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
        )
    return statements


def test_at_head_a_request_reads_the_version_and_nothing_else(up_to_date, statements, monkeypatch):
    monkeypatch.setattr(checker.Checker, "_working", None)  # the complete check would fail
    assert up_to_date.get().text == "people"
    assert len(statements) == 1 and "alembic_version" in statements[0]
    assert up_to_date.get("/static/x").status_code == 404
    assert len(statements) == 1


def test_a_sqlite_file_that_has_not_changed_is_not_read(up_to_date, statements):
    path = Path(up_to_date.url.database)
    ago = time.time() - 3600
    os.utime(path, (ago, ago))
    for _ in range(3):
        assert up_to_date.get().text == "people"
    assert len(statements) == 1
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM alembic_version")
    assert up_to_date.get().status_code == 503
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO alembic_version VALUES ('start')")
    assert up_to_date.get().text == "people"
    del statements[:]
    assert up_to_date.get().text == "people"
    assert len(statements) == 1  # it has changed a moment ago
    path.unlink()
    assert up_to_date.get().status_code == 503


def test_a_commit_that_is_only_in_the_wal_file_is_seen(up_to_date, statements):
    path = Path(up_to_date.url.database)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE unrelated (id INTEGER)")
        ago = time.time() - 3600
        for file in (path, Path(f"{path}-wal")):
            os.utime(file, (ago, ago))
        for _ in range(2):
            assert up_to_date.get().text == "people"
        assert len(statements) == 1
        other.execute("DELETE FROM alembic_version")
        assert path.stat().st_mtime == pytest.approx(ago)
        assert up_to_date.get().status_code == 503


def test_a_version_table_that_has_gone_is_noticed(up_to_date):
    with closing(sqlite3.connect(up_to_date.url.database)) as connection, connection:
        connection.execute("DROP TABLE alembic_version")
    assert up_to_date.title() == "The database has tables, but no revision"


LOADED = """
import sys
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_safe_migrations import Migrate
app = Flask("shop", root_path={root!r}, instance_path={root!r} + "/instance")
app.debug = True
app.config["SQLALCHEMY_DATABASE_URI"] = {url!r}
db = SQLAlchemy(app)
class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(50))
Migrate(app, db, directory={root!r} + "/migrations", pending_page=True)
app.add_url_rule("/", "home", lambda: "home")
for accept in ("*/*", "text/html"):
    assert app.test_client().get("/", headers={{"Accept": accept}}).text == "home"
    print(sorted({{"alembic", "flask_migrate", "jinja2.ext"}} & sys.modules.keys()))
"""


def test_a_server_that_starts_at_head_loads_no_alembic(site):
    code = LOADED.format(root=str(site.folder), url=str(site.url))
    site.run("upgrade")

    def run():
        return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    loaded = "['alembic', 'flask_migrate']"
    assert run().splitlines() == [loaded, loaded]  # once: the models are compared as well
    assert run().splitlines() == ["[]", "[]"]


def test_what_the_last_start_has_found_is_checked(up_to_date, monkeypatch):
    up_to_date.be(person)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "flask_safe_migrations.pending_page.inspection", None)
        assert up_to_date.get().text == "people"
    up_to_date.write_revision("phone", PHONE)
    up_to_date.be(person)
    assert up_to_date.get().status_code == 503
    up_to_date.press()
    up_to_date.be(person_with_phone)
    assert up_to_date.get().text == "people"
    up_to_date.run("downgrade")
    up_to_date.be(person_with_phone)
    assert up_to_date.get().status_code == 503


def test_an_error_of_the_page_does_not_stop_the_application(up_to_date, monkeypatch, caplog):
    monkeypatch.setattr(checker.QuickCheck, "passes", lambda _self: 1 / 0)
    with caplog.at_level(logging.WARNING):
        assert up_to_date.get().text == "people"
    assert "cannot tell whether the database is up to date" in caplog.text


def test_many_requests_at_the_same_time(site):
    results = []

    def ask():
        results.append(site.press().status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(results) <= {303, 403} and 303 in results
    assert site.revision == "start"


def test_an_env_py_that_configures_logging(site):
    env = site.migrations / "env.py"
    silence = "import logging.config\nlogging.config.dictConfig({'version': 1, 'root': {'level': 'ERROR'}})\n"
    env.write_text(env.read_text() + silence)
    site.run("upgrade")
    logger = logging.getLogger("werkzeug")
    logging.getLogger("werkzeug").disabled = False
    level = logging.getLogger().level
    site.write_revision("phone", PHONE)
    assert site.get().status_code == 503
    assert not logger.disabled and logging.getLogger().level == level


# The models.


def test_models_that_differ_are_shown_once(up_to_date, monkeypatch):
    site = up_to_date
    compared = []
    monkeypatch.setattr(checker, "compare", lambda: compared.append(1) or differences.compare())
    site.be(person_with_phone)  # the reloader starts the server again
    client = site.app.test_client()
    assert client.get("/people").text == "people"  # curl, scripts, forms are not stopped
    assert client.post("/", data={"a": 1}, headers=HTML).text == "home"
    assert compared == []
    assert site.title() == "The models differ from the revisions"
    page = site.get()
    assert "adds column person.phone (VARCHAR(30), nullable)" in page.text
    assert "flask db new -m &#34;what has changed&#34;" in page.text
    assert client.get("/people", headers=HTML, environ_base={"REMOTE_ADDR": "10.0.0.2"}).text == "people"
    response = site.press(CONTINUE, page=page)
    assert (response.status_code, response.location) == (303, "/people?page=2")
    assert site.get().text == "people"
    assert compared == [1]
    site.be(person_with_phone)
    assert site.get().text == "people"  # also after another restart
    assert compared == [1]

    site.be(person)
    assert site.get().text == "people"
    assert compared == [1, 1]
    site.be(person_with_phone)
    assert site.get().status_code == 503  # changed again
    site.write_revision("phone", PHONE)
    assert site.title() == "1 revision is pending"
    site.press()
    assert site.get().text == "people"


def test_models_are_compared_again_after_another_revision(up_to_date):
    up_to_date.write_revision("phone", PHONE)
    up_to_date.press()
    assert up_to_date.text() == "people"  # a check without a comparison
    assert up_to_date.title() == "The models differ from the revisions"


def test_the_other_button_is_as_protected(up_to_date):
    up_to_date.be(person_with_phone)
    page = up_to_date.get()
    assert up_to_date.press(CONTINUE, page=page, headers={"Origin": "http://evil.example"}).status_code == 403
    assert up_to_date.press(APPLY, page=page).status_code == 303  # it applies nothing
    assert up_to_date.get().status_code == 503


def test_models_that_cannot_be_compared_stop_nothing(up_to_date, monkeypatch):
    monkeypatch.setattr(checker, "compare", lambda: 1 / 0)
    up_to_date.be(person_with_phone)
    assert up_to_date.get().text == "people"


def test_a_foreign_key_that_leads_nowhere_is_one_sentence(up_to_date, caplog):
    up_to_date.be(person_of_nobody)
    with caplog.at_level(logging.WARNING):
        assert up_to_date.get().text == "people"
    assert "person.group_id refers to groups.id, but no model has a table groups" in caplog.text
    assert "Traceback" not in caplog.text


# The line at the start.


def test_flask_run_prints_one_line(site, monkeypatch, capsys):
    from flask.cli import ScriptInfo, run_command

    from flask_safe_migrations.pending_page import announcement

    info = ScriptInfo(create_app=lambda: site.app)

    def start(command=run_command):
        with command.make_context("run", [], obj=info) if command else monkeypatch.context():
            announcement.start(site.app, checker.Checker(site.app))
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and thread.daemon:
                thread.join(10)
        return capsys.readouterr().err

    sentence = "The database does not exist yet: 1 revision is pending. Create it with `flask db upgrade`.\n"
    assert start(None) == ""
    info.load_app()
    assert start() == sentence
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")  # a process of the reloader
    assert start() == ""
    monkeypatch.delenv("WERKZEUG_RUN_MAIN")
    site.run("upgrade")
    assert start() == ""
    site.write_revision("phone", PHONE)
    assert start() == "1 revision is pending: phone (phone). Apply with `flask db upgrade`.\n"
    site.url = make_url("postgresql://me:secret-word@127.0.0.1:1/site_dev")
    site.be(person)
    assert re.fullmatch(r"PostgreSQL at 127.0.0.1:1 .*\n", start())
    (site.migrations / "env.py").unlink()
    assert start() == ""
