"""The pages of a database: a list of the tables, and for each table its schema and its rows."""

import re
import secrets
from typing import Any

from flask import Flask
from flask_admin import Admin, AdminIndexView
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import BaseForm, SecureForm
from flask_admin.model.typefmt import BASE_FORMATTERS, null_formatter
from flask_admin.theme import Bootstrap4Theme
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, String
from sqlalchemy.exc import DBAPIError

from .tables import MappedTable, describe_columns, describe_constraints

# Protects from DNS rebinding: https://en.wikipedia.org/wiki/DNS_rebinding
TRUSTED_HOSTS = ["127.0.0.1", "localhost"]


def create_pages(title: str, engine: Engine, tables: list[MappedTable], editable: set[str]) -> Flask:
    """Return a web application that shows `tables`; the rows of those in `editable` can be changed."""
    app = Flask(__name__)
    app.debug = False
    app.secret_key = secrets.token_hex()  # for the tokens in the forms
    app.config["TRUSTED_HOSTS"] = TRUSTED_HOSTS
    app.config["SESSION_COOKIE_SAMESITE"] = "Strict"
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db = SQLAlchemy(app)
    with app.app_context():
        engines: Any = db.engines
        engines[None] = engine

    @app.errorhandler(DBAPIError)
    def report_error(error: DBAPIError) -> tuple[str, int, dict[str, str]]:
        return f"The database reports: {error.orig}\n", 503, {"Content-Type": "text/plain"}

    index = AdminIndexView(name="Tables", url="/", template="tables.html")
    admin = Admin(app, name=title, index_view=index, theme=Bootstrap4Theme(fluid=True))
    for number, table in enumerate(tables):
        admin.add_view(RowsView(table, number, db, engine, editable))
    return app


class RowsView(ModelView):  # type: ignore[misc]  # Flask-Admin has no types
    list_template = "rows.html"
    column_display_pk = True
    can_set_page_size = True
    form_base_class = SecureForm
    column_type_formatters = BASE_FORMATTERS | {
        type(None): null_formatter,
        bytes: lambda _view, value, _name: f"{value[:20].hex(' ')} ({len(value)} bytes)",
    }

    def __init__(
        self, mapped: MappedTable, number: int, db: SQLAlchemy, engine: Engine, editable: set[str]
    ) -> None:
        name = mapped.table.fullname
        self.columns = describe_columns(mapped.table, engine.dialect)
        self.constraints = describe_constraints(mapped.table)
        self.column_list = list(mapped.labels)
        self.column_labels = mapped.labels
        self.column_sortable_list = self.column_list
        texts = [key for key in self.column_list if _is_text(getattr(mapped.model, key))]
        self.column_searchable_list = texts
        self.can_create = self.can_edit = self.can_delete = mapped.has_key and name in editable
        self.column_display_actions = self.can_edit
        if self.can_edit:
            generated = mapped.table.autoincrement_column
            columns = mapped.model.__mapper__.columns.items()
            self.form_columns = [
                key for key, column in columns if column is not generated and not column.computed
            ]
        else:
            self.form = BaseForm  # no generated form: not every type has a field
        url = f"/table/{name}" if re.fullmatch(r"[\w.]+", name) else f"/table/{number}"
        super().__init__(mapped.model, db, name=name, endpoint=f"table_{number}", url=url)

    def is_visible(self) -> bool:
        """Hide it in the menu, which has no room for a hundred tables."""
        return False


def _is_text(attribute: Any) -> bool:
    return isinstance(attribute.type, String)
