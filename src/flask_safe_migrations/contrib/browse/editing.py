"""The forms of `flask db browse --write`: add, change and delete one row."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import abort, redirect, render_template, request
from sqlalchemy import Column
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response

from .pages import NO_ROW, Pages, address, read_values
from .rows import editable_columns, is_text
from .tables import BrowsedTable, describe_columns

Values = dict[str, str | None]


def add_forms(pages: Pages, token: str) -> None:
    """Add the forms to the pages of a database. No page of another site can read the token in them."""
    forms = Forms(pages, token)
    pages.app.jinja_env.globals["token"] = token
    for name, methods in (("add", ["GET", "POST"]), ("change", ["GET", "POST"]), ("delete", ["POST"])):
        view = getattr(forms, name)
        pages.app.add_url_rule(f"/table/<slug>/{name}", view_func=view, methods=methods)


class Forms:
    """The views."""

    def __init__(self, pages: Pages, token: str) -> None:
        self.pages, self.rows, self.token = pages, pages.rows, token

    def find(self, slug: str) -> BrowsedTable:
        """Return a table whose rows can be changed, after a check of the token."""
        table = self.pages.find(slug)
        if not self.pages.can_change(table):
            abort(404)
        if request.method == "POST" and not secrets.compare_digest(
            request.form.get("token", "").encode(), self.token.encode()
        ):
            abort(403)
        return table

    def add(self, slug: str) -> Any:
        table = self.find(slug)
        if request.method == "GET":
            return self.show(table, {})
        sent = _read_form(table, {})
        values = {
            column.name: sent[column.name]
            for column in editable_columns(table)
            if sent[column.name] or _is_empty_text(column)
        }
        try:
            self.rows.insert(table, values)
        except DBAPIError as error:
            return self.show(table, sent, error)
        return redirect(address("table", slug, {}, done="added"))

    def change(self, slug: str) -> Any:
        table = self.find(slug)
        key = _read_key(table)
        stored = self.rows.form_values(table, key)
        if not stored:
            abort(404, NO_ROW)
        if request.method == "GET":
            return self.show(table, stored)
        sent = _read_form(table, stored)
        changed = {name: value for name, value in sent.items() if value != _normalize(stored[name])}
        try:
            if changed:
                self.rows.update(table, key, changed)
        except DBAPIError as error:
            return self.show(table, sent, error)
        new_key = {name: changed.get(name) or value for name, value in key.items()}
        return redirect(address("row", slug, new_key, done="changed"))

    def delete(self, slug: str) -> Response:
        table = self.find(slug)
        self.rows.delete(table, _read_key(table))
        return redirect(address("table", slug, {}, done="deleted"))

    def show(self, table: BrowsedTable, values: Values, error: DBAPIError | None = None) -> Any:
        dialect = self.pages.engine.dialect
        described = {name: rest for name, *rest in describe_columns(table.table, dialect)}
        page = render_template(
            "form.html",
            table=table,
            fields=[
                {
                    "column": column,
                    "value": values.get(column.name),
                    "about": described[column.name],
                    "is_numbered": column is table.table.autoincrement_column,
                }
                for column in editable_columns(table)
            ],
            key=read_values(table),
            is_long=_is_long,
            error=error and (self.pages.database.explain_error(error) or str(error.orig)),
        )
        return page, 422 if error else 200


def _read_key(table: BrowsedTable) -> dict[str, str]:
    key = read_values(table)
    return key if key.keys() == {*table.key} else abort(404)


def _read_form(table: BrowsedTable, stored: Mapping[str, str | None]) -> Values:
    """Return the values that were sent. A text wins over a tick at NULL that was there before."""
    values: Values = {}
    for number, column in enumerate(editable_columns(table)):
        text = _normalize(request.form.get(f"value-{number}")) or ""
        is_null = f"null-{number}" in request.form and (not text or stored.get(column.name) is not None)
        values[column.name] = None if is_null else text
    return values


def _normalize(value: str | None) -> str | None:
    """Browsers send each line break as CR LF."""
    return value.replace("\r\n", "\n") if value else value


def _is_empty_text(column: Column[Any]) -> bool:
    """Return whether an empty field means an empty text, and not the default of the column or NULL."""
    return is_text(column) and not column.nullable and column.server_default is None


def _is_long(column: Column[Any], value: str | None) -> bool:
    """Return whether a value needs more than one line."""
    return "\n" in (value or "") or (is_text(column) and (getattr(column.type, "length", None) or 300) > 255)
