"""The pages of a database: its tables, the rows and the schema of a table, a row with its references."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, render_template, request, send_from_directory, url_for
from sqlalchemy import Engine, MetaData
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import NotFound

from ...backends.base import Database
from ..svg_diagram import render_svg
from .rows import PAGE_SIZE, QUERY_TIME, Query, QueryTooSlowError, Rows, is_number
from .tables import BrowsedTable, Reference, describe_columns, describe_constraints, type_name

PACKAGE = Path(__file__).parents[2]
# Protects from DNS rebinding: https://en.wikipedia.org/wiki/DNS_rebinding
TRUSTED_HOSTS = ["127.0.0.1", "localhost"]
# No scripts, nothing from another host, and no frame in which a click could be stolen.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
NO_ROW = "There is no row with these values any more."
LONGEST = 200  # characters of a value in a list


def create_app(title: str) -> Flask:
    """Return an application with the templates, for pages that only this machine can open."""
    app = Flask(__name__)
    app.debug = False
    app.config["TRUSTED_HOSTS"] = TRUSTED_HOSTS
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["title"] = title

    @app.get("/static/palette.css")
    def palette() -> Response:
        return send_from_directory(PACKAGE / "templates", "palette.css")

    @app.after_request
    def restrict(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return app


class Pages:
    """A web application that shows these tables."""

    def __init__(
        self, database: Database, engine: Engine, tables: Mapping[str, BrowsedTable], *, write: bool
    ) -> None:
        self.database, self.engine, self.tables = database, engine, tables
        self.by_slug = {table.slug: table for table in tables.values()}
        self.rows = Rows(database, engine)
        self.write = write
        self.app = app = create_app(f"{database.title} {database.short_name}")
        app.jinja_env.globals |= {"write": write, "can_change": self.can_change, "slug": self.slug}
        app.jinja_env.filters["shorten"] = shorten
        app.add_url_rule("/", view_func=self.index)
        app.add_url_rule("/table/<slug>", view_func=self.table)
        app.add_url_rule("/table/<slug>/schema", view_func=self.schema)
        app.add_url_rule("/table/<slug>/row", view_func=self.row)
        app.add_url_rule("/diagram", view_func=self.diagram)
        app.register_error_handler(DBAPIError, self.report_error)
        app.register_error_handler(QueryTooSlowError, self.report_slow)
        app.register_error_handler(NotFound, self.report_missing)

    def find(self, slug: str) -> BrowsedTable:
        return self.by_slug.get(slug) or abort(404)

    def slug(self, name: str) -> str:
        return self.tables[name].slug

    def can_change(self, table: BrowsedTable) -> bool:
        """Return whether rows can be changed. Those of the migrations are changed by migrations only."""
        return self.write and bool(table.key) and not table.is_view and not table.is_internal

    def index(self) -> str:
        search = request.args.get("q", "")
        tables = [table for table in self.tables.values() if search.lower() in table.name.lower()]
        counts = self.rows.count_all([table for table in tables if not table.is_view])
        return render_template(
            "tables.html", tables=tables, counts=counts, search=search, total=len(self.tables)
        )

    def table(self, slug: str) -> str:
        table = self.find(slug)
        page = max(request.args.get("page", 1, int), 1)
        arguments = request.args
        query = Query(read_values(table), arguments.get("q", ""), arguments.get("sort", ""), page)
        rows, has_next = self.rows.read(table, query)
        return render_template(
            "rows.html",
            table=table,
            query=query,
            columns=[
                (column.name, type_name(column, self.engine.dialect), is_number(column))
                for column in table.table.columns
            ],
            rows=[(self.row_url(table, row), self.cells(table, row)) for row in rows],
            first=(page - 1) * PAGE_SIZE + 1,
            has_next=has_next,
            count=self.rows.count(table, query) if has_next or page > 1 else None,
            address=self.address_with,
            done=request.args.get("done"),
        )

    def address_with(self, **changes: Any) -> str:
        """Return the address of this list with other parameters; None takes one away."""
        arguments = {**request.args, "page": None, "done": None, **changes}
        kept = {name: value for name, value in arguments.items() if value not in (None, "")}
        return "?" + urlencode(kept)

    def cells(self, table: BrowsedTable, row: Sequence[Any]) -> list[dict[str, Any]]:
        """Return of each value its text, and the addresses of the rows that it refers to."""
        values = dict(zip(table.table.columns.keys(), row, strict=True))
        return [
            {
                "name": column.name,
                "text": as_text(value),
                "is_number": is_number(column),
                "links": [
                    (reference.parent, url)
                    for reference in table.references_of(column.name)
                    if (url := self.parent_url(reference, values))
                ],
            }
            for column, value in zip(table.table.columns, row, strict=True)
        ]

    def parent_url(self, reference: Reference, values: Mapping[str, Any]) -> str | None:
        found = [as_parameter(values[name]) for name in reference.columns]
        if None in found:
            return None
        return address("row", self.slug(reference.parent), dict(zip(reference.targets, found, strict=True)))

    def row_url(self, table: BrowsedTable, row: Sequence[Any]) -> str | None:
        values = dict(zip(table.table.columns.keys(), row, strict=True))
        key = {name: as_parameter(values[name]) for name in table.key}
        return address("row", table.slug, key) if key and None not in key.values() else None

    def row(self, slug: str) -> str:
        table = self.find(slug)
        key = read_values(table)
        rows, _ = self.rows.read(table, Query(key))
        if not rows or not key:
            abort(404, NO_ROW)
        values = dict(zip(table.table.columns.keys(), rows[0], strict=True))
        types = [type_name(column, self.engine.dialect) for column in table.table.columns]
        return render_template(
            "row.html",
            table=table,
            key={name: as_text(values[name]) for name in table.key} or key,
            cells=list(zip(self.cells(table, rows[0]), types, strict=True)),
            references=[self.children(reference, values) for reference in table.referred_by],
            row_url=self.row_url(table, rows[0]),
            done=request.args.get("done"),
        )

    def children(self, reference: Reference, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the rows that refer to one: their number and their address."""
        found: dict[str, Any] = {
            column: as_parameter(values[target])
            for column, target in zip(reference.columns, reference.targets, strict=True)
        }
        child, is_null = self.tables[reference.child], None in found.values()
        return {
            "table": child.name,
            "columns": ", ".join(reference.columns),
            "count": 0 if is_null else self.rows.count(child, Query(found)),
            "url": None if is_null else address("table", child.slug, found),
        }

    def schema(self, slug: str) -> str:
        table = self.find(slug)
        return render_template(
            "schema.html",
            table=table,
            columns=describe_columns(table.table, self.engine.dialect),
            constraints=describe_constraints(table.table),
            statements=self.statements(table),
        )

    def statements(self, table: BrowsedTable) -> list[str]:
        """Return the SQL that creates a table or view, as the engine reports it."""
        with self.rows.connect(QUERY_TIME) as connection:
            if not table.is_view:
                return self.database.table_sql(connection, table.table.name, table.table.schema)
            views = [each for each in self.database.schema_objects(connection) if each.name == table.name]
            return [sql for view in views if "view" in view.kind.lower() for sql in view.create]

    def diagram(self) -> Response:
        """Show the diagram inside the page, where its links can be reached with the keyboard."""
        response = Response(render_template("diagram.html", svg=self.svg, fit="fit" in request.args))
        # The only style that is not in a file: its digest, which no other style has.
        styles = "".join(re.findall("<style>(.*?)</style>", self.svg, re.DOTALL))
        digest = base64.b64encode(hashlib.sha256(styles.encode()).digest()).decode()
        policy = POLICY.replace("style-src 'self'", f"style-src 'self' 'sha256-{digest}'")
        response.headers["Content-Security-Policy"] = policy
        return response

    @cached_property
    def svg(self) -> str:
        metadata = MetaData()
        for table in self.tables.values():
            if not table.is_internal and not table.is_view:
                table.table.to_metadata(metadata)
        return render_svg(
            metadata, self.database.url, link=lambda name: url_for("schema", slug=self.slug(name))
        )

    def report_error(self, error: DBAPIError) -> tuple[str, int]:
        message = self.database.explain_error(error) or f"The database reports: {error.orig}"
        return render_template("message.html", heading="The database refused", message=message), 503

    def report_slow(self, _: QueryTooSlowError) -> tuple[str, int]:
        message = (
            f"It took longer than {QUERY_TIME:.0f} seconds and was stopped, so that it does not slow the "
            "database down. Without a search, in the order of the primary key, a table of any size is shown."
        )
        return render_template("message.html", heading="The query took too long", message=message), 503

    def report_missing(self, error: NotFound) -> tuple[str, int]:
        message = NO_ROW if error.description == NO_ROW else "There is no such page or table."
        return render_template("message.html", heading="Not found", message=message), 404


def read_values(table: BrowsedTable) -> dict[str, str]:
    """Return the values that columns must have: the parameters `is.COLUMN` of the address."""
    found = {name[3:]: value for name, value in request.args.items() if name.startswith("is.")}
    if not found.keys() <= {*table.plain.c.keys()}:
        abort(404)
    return found


def address(endpoint: str, slug: str, equal: Mapping[str, str | None], **arguments: str) -> str:
    """Return the address of rows in which columns have these values."""
    parameters = {f"is.{name}": value for name, value in equal.items()} | arguments
    return f"{url_for(endpoint, slug=slug)}?{urlencode(parameters)}"


def as_text(value: Any) -> str | None:
    """Return what is shown of a value; None is NULL."""
    if isinstance(value, bytes):
        return f"{value[:20].hex(' ')}{' …' if len(value) > 20 else ''} ({len(value):,} bytes)"
    return None if value is None else str(value)


def as_parameter(value: Any) -> str | None:
    """Return a value as part of an address, or None if it cannot be one."""
    return None if value is None or isinstance(value, bytes) else str(value)


def shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
