"""Error pages: templates/error.html, or JSON for a client that asks for it. In debug mode the debugger shows
what is not handled.
"""

from flask import Flask, Response, json, make_response, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError, ServiceUnavailable

from .. import logs


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _show)


def _show(error: HTTPException) -> HTTPException | Response:
    if error.response is not None or isinstance(error, SecurityError):
        return error  # made by a view; or a forged Host header, for which no URL can be built
    if isinstance(error, InternalServerError) and _is_unreachable(error.original_exception):
        error = ServiceUnavailable("The database does not answer. Try again in a moment.", retry_after=10)
    response = make_response(error)  # with the headers of this error, such as Allow
    if _wants_json():
        response.data = json.dumps({"status": error.code, "error": error.name, "message": error.description})
        response.mimetype = "application/json"
    else:
        response.data = render_template("error.html", error=error, request_id=logs.request_id())
    return response


def _is_unreachable(error: BaseException | None) -> bool:
    """Whether a connection could not be opened, which is before there is a statement, or was lost."""
    return isinstance(error, OperationalError) and (error.statement is None or error.connection_invalidated)


def _wants_json() -> bool:
    types = ["text/html", "application/json"]
    if request.is_json:
        types.reverse()  # the first one if the client accepts anything
    return request.accept_mimetypes.best_match(types, default=types[0]) == "application/json"
