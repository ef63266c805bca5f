"""`/`: the status of a new project and the next commands. Replace it with your own page."""

from flask import Blueprint, current_app, render_template
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from ..database import db

blueprint = Blueprint("welcome", __name__, template_folder="templates")


@blueprint.get("/")
def welcome() -> str:
    # Do not show facts about the database in production.
    facts = _facts() if current_app.debug or current_app.testing else None
    return render_template("welcome.html", name=current_app.name, facts=facts)


def _facts() -> dict[str, object]:
    facts: dict[str, object] = {"database": db.engine.url.render_as_string(hide_password=True)}
    try:
        with db.engine.connect() as connection:
            tables = sorted(inspect(connection).get_table_names())
            facts["tables"] = [name for name in tables if name != "alembic_version"]
            if "alembic_version" in tables:
                query = text("SELECT version_num FROM alembic_version")
                facts["revision"] = connection.scalar(query)
    except SQLAlchemyError:
        facts["unreachable"] = True
    return facts
