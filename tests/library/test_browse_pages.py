"""The pages of `flask db browse` in this process: counts, references both ways, search, schema, forms."""

import datetime
import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from in_process import Shop
from project import ENGINES, names
from sqlalchemy import (
    JSON,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
)
from sqlalchemy.exc import DBAPIError
from werkzeug.test import Client

from flask_safe_migrations.contrib.browse import rows
from flask_safe_migrations.contrib.browse.serving import DatabasePages, create_application
from flask_safe_migrations.runtime import binds


def create_tables(shop: Shop) -> None:
    metadata = MetaData()
    users = Table(
        "users",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("email", String(254), nullable=False, unique=True),
        Column("name", String(100)),
    )
    posts = Table(
        "posts",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("author_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
        Column("editor_id", ForeignKey("users.id")),
        Column("title", String(200), nullable=False, server_default="untitled"),
        Column("body", Text),
        Column("price", Numeric(10, 2)),
        Column("published_on", Date),
    )
    tags = Table("tags", metadata, Column("id", Integer, primary_key=True), Column("name", String(40)))
    post_tags = Table(
        "post_tags",
        metadata,
        Column("post_id", ForeignKey("posts.id"), primary_key=True),
        Column("tag_id", ForeignKey("tags.id"), primary_key=True),
    )
    notes = Table(
        "notes",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("post_id", Integer),
        Column("tag_id", Integer),
        Column("parent_id", ForeignKey("notes.id")),
        Column("email", ForeignKey("users.email")),
        ForeignKeyConstraint(["post_id", "tag_id"], ["post_tags.post_id", "post_tags.tag_id"]),
    )
    files = Table(
        "files",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("content", LargeBinary),
        Column("about", JSON),
    )
    keyless = Table("keyless", metadata, Column("a", Integer), Column("b", Text))
    odd = Table(
        "a/b <c> 100%",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("slug", Text),
        Column("a.b", Text),
        Column("50% (of) [it]: x", Text),
        Column("name", ForeignKey("tags.id")),
    )
    with shop.app.app_context(), shop.db.engine.begin() as connection:
        metadata.create_all(connection)
        ada, grace = "ada@example.com", "grace@example.com"
        people = [(1, ada, "Ada"), (2, grace, "Grace"), (3, "none@example.com", None)]
        connection.execute(users.insert(), [{"id": i, "email": e, "name": n} for i, e, n in people])
        day = datetime.date(2026, 1, 1)
        connection.execute(
            posts.insert(),
            [
                {
                    "id": number,
                    "author_id": 1 + number % 2,
                    "editor_id": 1 if number == 7 else None,
                    "title": f"Post {number:03}",
                    "body": "50% of Everything" if number == 9 else "",
                    "price": number,
                    "published_on": day + datetime.timedelta(number),
                }
                for number in range(1, 121)
            ],
        )
        connection.execute(tags.insert(), [{"id": 1, "name": "maths"}, {"id": 2, "name": "letters"}])
        connection.execute(post_tags.insert(), [{"post_id": 7, "tag_id": 1}, {"post_id": 7, "tag_id": 2}])
        note = {"id": 1, "post_id": 7, "tag_id": 2, "parent_id": None, "email": ada}
        connection.execute(notes.insert(), [note, note | {"id": 2, "parent_id": 1, "tag_id": None}])
        connection.execute(files.insert(), [{"id": 1, "content": bytes(range(64)), "about": {"wide": 640}}])
        connection.execute(keyless.insert(), [{"a": None, "b": None}, {"a": 1, "b": "x"}, {"a": 1, "b": "x"}])
        markup = "<script>alert(1)</script>"
        row = {"id": 1, "slug": markup, "a.b": "dotted", "50% (of) [it]: x": "sure", "name": 2}
        connection.execute(odd.insert(), [row])
        if shop.url.drivername == "postgresql":
            connection.exec_driver_sql("SELECT setval('posts_id_seq', 120)")
        connection.exec_driver_sql(
            "CREATE VIEW busy AS SELECT author_id, count(*) AS number FROM posts GROUP BY author_id"
        )


@pytest.fixture(scope="module", params=ENGINES)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Some tables with rows. They are built once; a test leaves them as they were."""
    folder = tmp_path_factory.mktemp("browse")
    (folder / "instance").mkdir()
    url = f"sqlite:///{folder}/instance/shop_dev.db"
    if request.param != "sqlite":
        url = request.getfixturevalue(request.param).url(f"browse_{next(names)}_dev")
    shop = Shop(folder, url, lambda db: None)
    shop.write_revision("start", "def upgrade():\n    pass")
    shop.run("upgrade")
    create_tables(shop)
    return shop


class Pages:
    """The pages of a shop, and what a test reads from them."""

    def __init__(self, shop: Shop, *, write: bool = False) -> None:
        with shop.app.app_context():
            (database,) = binds.databases()
            self.client = Client(create_application([DatabasePages(database, write=write)]))

    def get(self, path: str, status: int = 200) -> str:
        response = self.client.get(path)
        assert response.status_code == status, response.text
        return response.text

    def rows(self, path: str) -> list[list[str]]:
        """Return the cells of all rows of tables but the first, which has the names."""
        return [cells for cells in map(_cells, _rows(self.get(path))) if cells]

    def post(self, path: str, status: int = 302, token: str | None = None, **fields: str) -> Any:
        """Fill the fields of a form by the names of their columns."""
        page = self.get(path.replace("/delete", "/row"))
        form = re.findall(r'<label for="(value-\d+)">(.*?)</label>', page)
        texts = re.findall(r'name="(value-\d+)" value="(.*?)"', page)
        texts += re.findall(r'<textarea .*?name="(value-\d+)".*?>\n(.*?)</textarea>', page, re.DOTALL)
        sent = {name: html.unescape(value) for name, value in texts}
        sent |= dict.fromkeys(re.findall(r'name="(null-\d+)" checked', page), "on")
        for number, (name, label) in enumerate(form):
            if (value := fields.pop(html.unescape(label), None)) == "NULL":
                sent[f"null-{number}"] = "on"
            elif value == "not NULL":
                del sent[f"null-{number}"]
            elif value is not None:
                sent[name] = value
        assert not fields, page
        sent["token"] = re.findall(r'name="token" value="(.*?)"', page)[0] if token is None else token
        response = self.client.post(path, data=sent)
        assert response.status_code == status, response.text
        return response


def _rows(page: str) -> list[str]:
    return re.findall(r"<tr>.*?</tr>", page, re.DOTALL)


def _cells(row: str) -> list[str]:
    return [plain(cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL)]


def plain(text: str) -> str:
    return html.unescape(" ".join(re.sub(r"<.*?>", " ", text, flags=re.DOTALL).split()))


def links(page: str) -> dict[str, str]:
    found = re.findall(r'<a [^>]*?href="(.*?)"[^>]*>(.*?)</a>', page, re.DOTALL)
    return {plain(text): html.unescape(address) for address, text in found}


@contextmanager
def with_view(shop: Shop, name: str, query: str) -> Iterator[None]:
    shop.sql(f"CREATE VIEW {name} AS {query}")
    try:
        yield
    finally:
        shop.sql(f"DROP VIEW {name}")


def test_tables_with_their_counts_and_the_bookkeeping_apart(shop: Shop) -> None:
    pages = Pages(shop)
    page = pages.get("/")
    own, _, internal = page.partition('id="bookkeeping"')
    assert [_cells(row) for row in _rows(own)][1:] == [
        ["a/b <c> 100%", "1", "tags"],
        ["busy", "view", ""],
        ["files", "1", ""],
        ["keyless", "3", ""],
        ["notes", "2", "users , notes , post_tags"],
        ["post_tags", "2", "posts , tags"],
        ["posts", "120", "users"],
        ["tags", "2", ""],
        ["users", "3", ""],
    ]
    assert "alembic_version" in internal and "migration_applied" in internal and "users" not in internal
    assert ">read-only<" in page and "writable" not in page
    assert ">writable<" in Pages(shop, write=True).get("/")
    assert [cells[0] for cells in pages.rows("/?q=POST")] == ["post_tags", "posts"]


def test_large_tables_are_not_counted_whole(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "COUNT_LIMIT", 100)
    pages = Pages(shop)
    shop.sql("ANALYZE TABLE posts" if shop.url.drivername == "mariadb" else "ANALYZE posts")
    counts = {name: count for name, count, _ in pages.rows("/")}
    assert counts["users"] == "3"
    expected = r"100\+" if shop.url.drivername == "sqlite" else r"≈ 1[12]\d"
    assert re.fullmatch(expected, counts["posts"])
    assert re.search(rf"Rows 1 to 50 of {expected}", pages.get("/table/posts"))
    assert "Rows 1 to 50 of 100+" in pages.get("/table/posts?q=Post")  # no estimate for a search
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    if shop.url.drivername != "mariadb":  # which ends a recursion
        with with_view(shop, "endless", endless):
            assert "Rows 1 to 50 of 100+" in Pages(shop).get("/table/endless")


def test_a_locked_table_is_not_waited_for(shop: Shop) -> None:
    if shop.url.drivername == "sqlite":
        pytest.skip("SQLite locks whole databases, and not for readers")
    pages = Pages(shop)
    with shop.app.app_context(), shop.db.engine.connect() as connection:
        is_mariadb = shop.url.drivername == "mariadb"
        mode = "TABLES tags WRITE" if is_mariadb else "TABLE tags IN ACCESS EXCLUSIVE MODE"
        connection.exec_driver_sql(f"LOCK {mode}")
        counts = {name: count for name, count, _ in pages.rows("/")}
        connection.exec_driver_sql("UNLOCK TABLES" if is_mariadb else "ROLLBACK")
    assert counts["tags"] == "not counted" and counts["posts"] == "120"


def test_references_lead_both_ways(shop: Shop) -> None:
    pages = Pages(shop)
    to_author = links(pages.get("/table/posts?is.id=7"))["2 →"]
    author = pages.get(to_author)
    assert "grace@example.com" in author
    back = links(author)
    assert back["60 rows of posts"] == "/table/posts?is.author_id=2"
    assert "No rows of notes" in plain(author)  # by its unique column email
    posts = pages.rows(back["60 rows of posts"])
    assert len(posts) == 50 and {row[2] for row in posts} == {"2 →"}
    ada = links(pages.get("/table/users/row?is.id=1"))
    assert ada["2 rows of notes"] == "/table/notes?is.email=ada%40example.com"
    assert pages.rows(ada["1 row of posts"])[0][1] == "7"  # as the editor
    # A key of two columns, of which the second row has only one.
    notes = pages.rows("/table/notes")
    assert notes == [
        ["Open", "1", "7 →", "2 →", "NULL", "ada@example.com →"],
        ["Open", "2", "7", "NULL", "1 →", "ada@example.com →"],
    ]
    pair = links(pages.get("/table/notes"))["2 →"]
    assert pair == "/table/post_tags/row?is.post_id=7&is.tag_id=2"
    assert links(pages.get(pair))["1 row of notes"] == "/table/notes?is.post_id=7&is.tag_id=2"
    # A column that a row does not have, and a row that is gone.
    pages.get("/table/users/row?is.nothing=1", status=404)
    assert "no row with these values" in pages.get("/table/users/row?is.id=99", status=404)
    pages.get("/table/nothing", status=404)


def test_search_sort_and_pages(shop: Shop) -> None:
    pages = Pages(shop)

    def ids(query: str) -> list[int]:
        return [int(cells[1]) for cells in pages.rows(f"/table/posts{query}")]

    assert ids("") == list(range(1, 51))
    assert ids("?page=3") == list(range(101, 121))
    assert ids("?sort=-title&page=2") == list(range(70, 20, -1))
    assert ids("?sort=-author_id")[:3] == [1, 3, 5]  # within it in the order of the key
    assert ids("?q=pOsT+00") == list(range(1, 10))
    assert ids("?q=50%25+of+every") == [9]
    assert ids("?q=2026-01-05") == [4]
    assert ids("?q=Post&is.author_id=2&sort=-id") == [*range(119, 20, -2)]
    assert "No row matches." in pages.get("/table/posts?q=%25%25")
    assert "There are no more rows." in pages.get("/table/posts?page=9")
    # Links keep what is chosen; a click on a sorted column turns it round, then takes the order away.
    found = links(pages.get("/table/posts?q=Post&sort=title&page=2"))
    assert found["title ↑"] == "?q=Post&sort=-title"
    assert found["← Previous"] == "?q=Post&sort=title&page=1"
    assert links(pages.get("/table/posts?sort=-title"))["title ↓"] == "?"
    assert 'aria-sort="descending"' in pages.get("/table/posts?sort=-title")


def test_schema_and_sql(shop: Shop) -> None:
    pages = Pages(shop)
    page = pages.get("/table/posts/schema")
    text = plain(page)
    assert re.search(r"author_id INTEGER(\(11\))? NOT NULL users id", text), text
    assert re.search(r"title VARCHAR\(200\) NOT NULL DEFAULT '?untitled", text), text
    assert re.search(r"FOREIGN KEY.* \(author_id\) → users.id ON DELETE CASCADE", text)
    assert "INDEX ix_posts_author_id (author_id)" in text
    assert links(page)["post_tags"] == "/table/post_tags/schema"  # what refers to it
    sql = plain(page.partition('id="sql"')[2]).replace("`", "").replace("\n", " ")
    assert re.search(r"CREATE TABLE posts \( ?id ", sql), sql
    assert "REFERENCES users" in sql and "ix_posts_author_id" in sql
    assert re.search(
        r"select.*author_id", pages.get("/table/busy/schema").partition('id="sql"')[2], re.I | re.S
    )
    assert pages.rows("/table/busy?sort=author_id") == [["1", "60"], ["2", "60"]]


def test_a_slow_query_is_stopped(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flask_safe_migrations.contrib.browse.rows.QUERY_TIME", 0.2)
    slow = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) AS i FROM n",
        "postgresql": "SELECT CAST(pg_sleep(30) AS text) AS i",
        "mariadb": "SELECT sleep(30) AS i",
    }
    with with_view(shop, "slow", slow[shop.url.drivername]):
        pages = Pages(shop)
        assert "took longer than" in pages.get("/table/slow", status=503)
    assert pages.rows("/table/tags?is.id=1") == [["Open", "1", "maths"]]


def test_a_query_that_fails_at_once_is_not_called_slow(shop: Shop) -> None:
    if shop.url.drivername != "postgresql":
        pytest.skip("the others compare any text with a number")
    assert "The database refused" in Pages(shop).get("/table/posts?is.id=some", status=503)


def test_tables_that_nobody_planned_for(shop: Shop) -> None:
    """Without a key, with equal rows; binary values and JSON; names that mean something in an address."""
    pages = Pages(shop)
    assert sorted(pages.rows("/table/keyless")) == [["1", "x"], ["1", "x"], ["NULL", "NULL"]]
    (file,) = pages.rows("/table/files")
    assert file[2] == f"{bytes(range(20)).hex(' ')} … (64 bytes)" and re.fullmatch(r'{"wide": ?640}', file[3])
    address = links(pages.get("/"))["a/b <c> 100%"]
    page = pages.get(address)
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert pages.rows(f"{address}?q=sure&is.a.b=dotted&sort=50%25+(of)+[it]:+x")[0][3:5] == ["dotted", "sure"]
    assert links(pages.get(links(page)["Open"]))["2 →"] == "/table/tags/row?is.id=2"


def test_values_that_python_does_not_have(shop: Shop) -> None:
    types = {
        "sqlite": ("x DATE, y INTEGER, z TEXT", "'soon', 'no', x'00ff'", ["soon", "no", "00 ff (2 bytes)"]),
        "postgresql": (
            "x date, y int4range, z integer[]",
            "'infinity', '[1,5)', '{1,2}'",
            ["infinity", "[1,5)", "{1,2}"],
        ),
        "mariadb": ("x TIME, y YEAR, z SET('a','b')", "'-700:00:00', 1999, 'a,b'", None),
    }
    columns, values, shown = types[shop.url.drivername]
    shop.sql(f"CREATE TABLE special (id INTEGER PRIMARY KEY, {columns})")
    try:
        shop.sql(f"INSERT INTO special VALUES (1, {values})")
        (row,) = Pages(shop).rows("/table/special")
        assert row[2:] == (shown or ["-30 days, 20:00:00", "1999", row[4]]) and row[4]
    finally:
        shop.sql("DROP TABLE special")


def test_forms_add_change_and_delete(shop: Shop) -> None:
    pages = Pages(shop, write=True)
    response = pages.post("/table/posts/add", author_id="1", price="2.50", body="two\r\nlines")
    assert response.headers["Location"] == "/table/posts?done=added"
    assert "The row was added." in pages.get(response.headers["Location"])
    ((key, title, body, price),) = shop.sql("SELECT id, title, body, price FROM posts WHERE id > 120")
    assert (title, body, float(price)) == ("untitled", "two\nlines", 2.5)
    address = f"/table/posts/change?is.id={key}"
    moved = pages.post(address, id="500", title='It\'s 100% "new"', body="", price="NULL")
    assert moved.headers["Location"] == "/table/posts/row?is.id=500&done=changed"
    address = "/table/posts/change?is.id=500"
    query = "SELECT title, body, price, published_on FROM posts WHERE id = 500"
    assert shop.sql(query) == [('It\'s 100% "new"', "", None, None)]
    # What is wrong is reported above the form, which keeps what was typed; nothing is changed.
    refused = pages.post(address, status=422, author_id="77", title="kept")
    assert "Not saved." in refused.text and "kept" in refused.text
    assert shop.sql(query)[0][0] == 'It\'s 100% "new"'
    pages.post(address, price="not NULL", status=302 if shop.url.drivername == "sqlite" else 422)
    pages.post("/table/posts/delete?is.id=500")
    assert shop.sql("SELECT count(*) FROM posts") == [(120,)]
    assert "no row with these values" in pages.get(address, status=404)
    # A value that is not changed is not written, whatever it is.
    pages.post("/table/files/change?is.id=1")
    assert shop.sql("SELECT length(content) FROM files") == [(64,)]
    shop.sql("INSERT INTO tags VALUES (9, 'two\r\nlines')")
    pages.post("/table/tags/change?is.id=9")
    assert shop.sql("SELECT name FROM tags WHERE id = 9") == [("two\r\nlines",)]
    pages.post("/table/tags/change?is.id=9", name="NULL")
    pages.post("/table/tags/change?is.id=9", name="typed")  # the tick at NULL was there before, and stays
    assert shop.sql("SELECT name FROM tags WHERE id = 9") == [("typed",)]
    pages.post("/table/tags/delete?is.id=9")


def test_forms_of_other_sites_and_other_tables_are_refused(shop: Shop) -> None:
    pages = Pages(shop, write=True)
    for token in ("", "guessed"):
        pages.post("/table/tags/add", status=403, token=token, name="smuggled")
        pages.post("/table/tags/change?is.id=1", status=403, token=token, name="smuggled")
        pages.post("/table/posts/delete?is.id=1", status=403, token=token)
    for table in ("alembic_version", "migration_applied", "busy", "keyless"):
        assert "Add a row" not in pages.get(f"/table/{table}")
        pages.get(f"/table/{table}/add", status=404)
    pages.get("/table/tags/change?is.name=maths", status=404)  # only by the whole key
    reading = Pages(shop)
    assert "Add a row" not in reading.get("/table/tags")
    for action in ("add", "change", "delete"):
        reading.get(f"/table/tags/{action}?is.id=1", status=404)
        assert reading.client.post(f"/table/tags/{action}?is.id=1").status_code == 404
    assert shop.sql("SELECT count(*) FROM tags") == [(2,)]
    assert pages.client.get("/", headers={"Host": "evil.example"}).status_code == 400
    policy = reading.client.get("/table/tags").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy


def test_the_diagram_leads_to_the_tables(shop: Shop) -> None:
    pages = Pages(shop)
    page = pages.get("/diagram")
    svg = page[page.index("<svg", page.index("</header>")) :]
    found = links(svg)
    assert found["posts"] == "/table/posts/schema"
    assert set(found) == {"a/b <c> 100%", "files", "keyless", "notes", "post_tags", "posts", "tags", "users"}
    assert "posts (author_id) refers to users (id)" in svg and "alembic_version" not in svg


def test_tables_of_another_schema(shop: Shop) -> None:
    if shop.url.drivername != "postgresql":
        pytest.skip("only PostgreSQL has several schemas in a database")
    shop.sql("CREATE SCHEMA stock")
    shop.sql("CREATE TABLE stock.items (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES users)")
    try:
        shop.sql("INSERT INTO stock.items VALUES (5, 2)")
        with shop.app.app_context():
            (database,) = binds.databases()
            pages = DatabasePages(database, write=False)
            pages.schemas, pages.state = {None, "stock"}, ()
            reader = Pages(shop)
            reader.client = Client(create_application([pages]))
        assert ["stock.items", "1", "users"] in reader.rows("/")
        assert links(reader.get("/table/users/row?is.id=2"))["1 row of stock.items"]
        assert links(reader.get("/table/stock.items"))["2 →"] == "/table/users/row?is.id=2"
        assert "CREATE TABLE stock.items" in reader.get("/table/stock.items/schema")
    finally:
        shop.sql("DROP SCHEMA stock CASCADE")


def test_the_database_itself_refuses_to_write(shop: Shop) -> None:
    with shop.app.app_context():
        (database,) = binds.databases()
        with database.create_read_only_engine().connect() as connection:
            assert connection.exec_driver_sql("SELECT name FROM tags WHERE id = 1").scalar() == "maths"
            with pytest.raises(DBAPIError, match=r"readonly database|read-only transaction|READ ONLY"):
                connection.exec_driver_sql("UPDATE tags SET name = 'smuggled'")


def test_what_is_migrated_meanwhile_is_there_at_the_next_click(shop: Shop) -> None:
    """The last test: the table stays."""
    pages = Pages(shop)
    pages.get("/table/later", status=404)
    body = 'op.create_table("later", sa.Column("phone", sa.String(30), primary_key=True))'
    shop.write_revision("later", f"def upgrade():\n    {body}")
    shop.run("upgrade")
    assert "VARCHAR(30)" in pages.get("/table/later/schema")
