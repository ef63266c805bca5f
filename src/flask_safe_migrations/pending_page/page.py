"""The answer to a request: a page for a browser, JSON or one line of text for other clients."""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from werkzeug.wrappers import Request, Response

from ..output import suggest
from .state import Kind, State

TEMPLATES = Path(__file__).parent / "templates"
PALETTE = Path(__file__).parents[1] / "templates" / "palette.css"
CODE = re.compile(r"`([^`]+)`")
NOT_HERE = (
    "The application is not ready: its database and its code do not fit together. The developer sees the "
    "reason on the machine that it runs on."
)


@dataclass(frozen=True)
class Answer:
    """What the page shows besides the state.

    :param return_path: where the buttons lead back to.
    :param failure: why the last press of the button has failed.
    :param is_form: a form was submitted, and not processed.
    """

    name: str
    commands: str | Mapping[str, str]
    return_path: str
    apply_path: str
    continue_path: str
    token: str
    failure: str = ""
    is_form: bool = False
    is_outdated: bool = False


def wants_html(request: Request) -> bool:
    """Return whether a browser opens this address, rather than a script or another program."""
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        return False
    if request.headers.get("X-Requested-With") == "XMLHttpRequest":
        return False
    return any(mimetype == "text/html" for mimetype, _quality in request.accept_mimetypes)


def respond(request: Request, state: State, answer: Answer, *, local: bool) -> Response:
    """Return the answer for a state. Only a client on this machine gets details."""
    if wants_html(request):
        return _respond_in_html(state, answer, local=local)
    sentence = suggest(state.sentence, answer.commands) if local else NOT_HERE
    if "json" in request.headers.get("Accept", "") or request.is_json:
        body = json.dumps({"error": "database_not_ready", "message": sentence})
        response = Response(f"{body}\n", 503, mimetype="application/json")
    else:
        response = Response(f"{sentence}\n", 503, mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response


def _respond_in_html(state: State, answer: Answer, *, local: bool) -> Response:
    nonce = secrets.token_urlsafe(16)
    html = (
        _environment()
        .get_template("pending.html")
        .render(
            local=local,
            state=state,
            answer=answer,
            Kind=Kind,
            nonce=nonce,
            # Files of this package.
            style=Markup(_read(PALETTE) + _read(TEMPLATES / "pending.css")),  # noqa: S704
            script=Markup(_read(TEMPLATES / "pending.js")),  # noqa: S704
            words=lambda text: _mark_up(suggest(text, answer.commands)),
            command=lambda text: _translate(text, answer),
            suggested=_list_commands(state, answer),
            message=NOT_HERE,
        )
    )
    response = Response(html.strip(), 503, mimetype="text/html")
    # Referrer-Policy: with no-referrer, a form would be sent with `Origin: null`.
    response.headers.update(
        {
            "Cache-Control": "no-store",
            "Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{nonce}'; "
            f"script-src 'nonce-{nonce}'; img-src data:; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
    )
    return response


def _list_commands(state: State, answer: Answer) -> list[str]:
    """Return the commands that the sentence on the page names, and those that lead to another branch."""
    branches = [branch for database in state.databases for branch in database.branches]
    switch = [f"git switch {branch.removeprefix('origin/')}" for branch in branches[:1]]
    # Messages of a server have backquotes as well.
    named = [text for text in CODE.findall(answer.failure or state.sentence) if text.startswith("flask ")]
    # After any other command, the page comes back with its button.
    others = [text for text in named if text != "flask db upgrade" and "…" not in text]
    return list(dict.fromkeys([*switch, *(_translate(text, answer) for text in others or named)]))


def _translate(command: str, answer: Answer) -> str:
    """Return a command as this project calls it."""
    return suggest(f"`{command}`", answer.commands).strip("`")


def _mark_up(text: str) -> Markup:
    """Escape a sentence, and show what stands in backquotes as code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped


@cache
def _environment() -> Environment:
    return Environment(
        autoescape=True, loader=FileSystemLoader(TEMPLATES), trim_blocks=True, lstrip_blocks=True
    )


@cache
def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def redirect(path: str) -> Response:
    """Return to a page by GET."""
    return Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


def refuse(reason: str, status: int, **headers: Any) -> Response:
    return Response(
        f"{reason}\n", status, mimetype="text/plain", headers={"Cache-Control": "no-store", **headers}
    )
