"""The pages: a list of the tables, and for each its schema and its rows."""

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

from . import schema
from .front import TRUSTED_HOSTS
from .tables import Shown


def pages(title: str, pool: Engine, tables: list[Shown], editable: set[str]) -> Flask:
    """Return a web application that shows `tables`; those called as in `editable` can be changed."""
    app = Flask(__name__)
    app.debug = False
    app.secret_key = secrets.token_hex()  # for the tokens in the forms
    app.config["TRUSTED_HOSTS"] = TRUSTED_HOSTS
    app.config["SESSION_COOKIE_SAMESITE"] = "Strict"
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db = SQLAlchemy(app)
    with app.app_context():
        engines: Any = db.engines
        engines[None] = pool

    @app.errorhandler(DBAPIError)
    def failed(error: DBAPIError) -> tuple[str, int, dict[str, str]]:
        return f"The database answers: {error.orig}\n", 503, {"Content-Type": "text/plain"}

    index = AdminIndexView(name="Tables", url="/", template="tables.html")
    admin = Admin(app, name=title, index_view=index, theme=Bootstrap4Theme(fluid=True))
    for number, table in enumerate(tables):
        admin.add_view(Rows(table, number, db, pool, editable))
    return app


class Rows(ModelView):  # type: ignore[misc]  # where no type checker sees it
    list_template = "rows.html"
    column_display_pk = True
    can_set_page_size = True
    form_base_class = SecureForm
    column_type_formatters = BASE_FORMATTERS | {
        type(None): null_formatter,
        bytes: lambda _view, value, _name: f"{value[:20].hex(' ')} ({len(value)} bytes)",
    }

    def __init__(self, shown: Shown, number: int, db: SQLAlchemy, pool: Engine, editable: set[str]) -> None:
        name = shown.table.fullname
        self.columns = schema.columns(shown.table, pool.dialect)
        self.constraints = schema.constraints(shown.table)
        self.column_list = list(shown.labels)
        self.column_labels = shown.labels
        self.column_sortable_list = self.column_list
        texts = [key for key in self.column_list if _is_text(getattr(shown.model, key))]
        self.column_searchable_list = texts
        self.can_create = self.can_edit = self.can_delete = shown.has_key and name in editable
        self.column_display_actions = self.can_edit
        if self.can_edit:
            counted = shown.table.autoincrement_column
            columns = shown.model.__mapper__.columns.items()
            self.form_columns = [
                key for key, column in columns if column is not counted and not column.computed
            ]
        else:
            self.form = BaseForm  # none of its own, which not every type has a field for
        url = f"/table/{name}" if re.fullmatch(r"[\w.]+", name) else f"/table/{number}"
        super().__init__(shown.model, db, name=name, endpoint=f"table_{number}", url=url)

    def is_visible(self) -> bool:
        """Not in the menu, which a hundred tables would not fit into."""
        return False


def _is_text(attribute: Any) -> bool:
    return isinstance(attribute.type, String)
