"""Logging: readable lines, or one JSON object per event (LOG_FORMAT=json), from LOG_LEVEL=INFO upwards.

wsgi.py gives gunicorn and all libraries the same format. Secrets stay out: neither the query nor the headers
nor the body of a request is logged, and no value of an SQL statement (see production.py).
"""

import json
import logging
import os
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, has_request_context, request
from flask.logging import default_handler

from .errors import SetupError

TEXT = "[%(asctime)s] %(levelname)s in %(name)s: %(message)s"
# What of gunicorn's access log: https://gunicorn.org/reference/settings/#access_log_format
ACCESS = {"request_id": "{x-request-id}o", "method": "m", "path": "U", "ip": "h", "status": "s", "ms": "M"}


class TextFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - overrides a method
        line = super().formatMessage(record)
        return f"{line} [request {request_id()}]" if has_request_context() else line


class JSONFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            event |= {"request_id": request_id(), "method": request.method, "path": request.path}
        elif record.name == "gunicorn.access" and isinstance(record.args, Mapping):
            event |= {key: record.args[atom] for key, atom in ACCESS.items()}
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False, default=str)


def init_app(app: Flask) -> None:
    default_handler.setFormatter(_formatter())
    if os.environ.get("LOG_LEVEL"):
        app.logger.setLevel(_level())
    app.after_request(_add_request_id)


def config() -> dict[str, Any]:
    """Return a configuration for `logging.config.dictConfig()`, with one handler for everything."""
    formatter, through_root = _formatter(), {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": lambda: formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "chosen"}},
        "root": {"level": _level(), "handlers": ["stderr"]},
        "loggers": {"gunicorn.error": through_root, "gunicorn.access": through_root},
    }


def request_id() -> str:
    """Return the id in the log, in the header X-Request-ID and on error pages. A proxy may have set it."""
    if "app.request_id" not in request.environ:
        given = request.headers.get("X-Request-ID", "")
        valid = re.fullmatch(r"[\w-]{8,64}", given, re.ASCII)
        request.environ["app.request_id"] = given if valid else secrets.token_hex(8)
    return str(request.environ["app.request_id"])


def _add_request_id(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    return response


def _formatter() -> logging.Formatter:
    chosen = os.environ.get("LOG_FORMAT") or "text"
    if chosen not in {"json", "text"}:
        raise SetupError(f"LOG_FORMAT is {chosen}: set it to json or text.")
    return JSONFormatter() if chosen == "json" else TextFormatter(TEXT)


def _level() -> str:
    level = (os.environ.get("LOG_LEVEL") or "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        raise SetupError(f"LOG_LEVEL is {level}: set it to DEBUG, INFO, WARNING or ERROR.")
    return level
