"""The page of a new project. When you have your own, delete this folder and its lines in web/__init__.py."""

from flask import Blueprint, Response, abort, current_app, render_template, send_from_directory
from flask_safe_migrations.overview import overview

from ..config import ROOT

blueprint = Blueprint("welcome", __name__, "static", "/welcome/static", template_folder="templates")
PAGES = {
    "first-hour": "The first hour",
    "tutorial": "Tutorial: four changes of a schema",
    "deployment": "Deployment",
    "security": "Security",
}


@blueprint.get("/")
def index() -> str:
    databases = overview() if _shows_facts() else []
    return render_template("welcome.html", databases=databases, pages=PAGES, package=current_app.name)


@blueprint.get("/welcome/docs/<name>.md")
def document(name: str) -> Response:
    if not _shows_facts():
        abort(404)
    return send_from_directory(ROOT / "docs", f"{name}.md", mimetype="text/plain")


def _shows_facts() -> bool:
    """Show nothing about the database, its revisions or versions in production."""
    return current_app.debug or current_app.testing
