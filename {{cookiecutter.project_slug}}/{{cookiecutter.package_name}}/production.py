"""What is stricter in production, and the limits that hold everywhere.

These are settings, so the file that SETTINGS names may say otherwise. What each of Flask's own does:
https://flask.palletsprojects.com/en/stable/config/ and https://flask.palletsprojects.com/en/stable/web-security/
"""

import os
from typing import Any

from flask import Flask

from .errors import SetupError

# Keys that everybody knows, among them the ones that stand in examples.
KNOWN_SECRET_KEYS = {"", "change-me", "changeme", "dev", "development", "secret", "your-secret-key"}

EVERYWHERE: dict[str, Any] = {
    # Bytes of a request. Flask itself limits forms with files: 500 kB for a field, 1,000 fields.
    "MAX_CONTENT_LENGTH": 16 * 1024 * 1024,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "CONTENT_SECURITY_POLICY": "default-src 'self'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
}
SERVED: dict[str, Any] = {
    "SESSION_COOKIE_SECURE": True,  # over https only
    "PREFERRED_URL_SCHEME": "https",
    # A connection that the server or a firewall has closed is noticed before a request gets it.
    "SQLALCHEMY_ENGINE_OPTIONS": {"pool_pre_ping": True},
}


def defaults(*, served: bool) -> dict[str, Any]:
    """Return what goes before the file of settings; `served`: neither development nor a test."""
    return {
        "TRUSTED_HOSTS": os.environ.get("TRUSTED_HOSTS"),
        "TRUSTED_PROXIES": os.environ.get("TRUSTED_PROXIES"),
        **EVERYWHERE,
        **(SERVED if served else {}),
    }


def check(app: Flask) -> None:
    """Raises SetupError for a secret that is none."""
    if (app.config["SECRET_KEY"] or "") in KNOWN_SECRET_KEYS:
        raise SetupError(
            "In production SECRET_KEY has to be set to a value nobody knows: "
            'python -c "import secrets; print(secrets.token_hex())" makes one '
            "(or set FLASK_DEBUG=1 if this is a development machine)."
        )


def check_served(app: Flask) -> None:
    """Raises SetupError for what a web server needs; `flask db upgrade`, say, goes without."""
    if app.debug:
        raise SetupError("Debugging is not for a web server: set FLASK_DEBUG=0, or develop with `make run`.")
    if app.config["TRUSTED_HOSTS"] is None:
        raise SetupError(
            "TRUSTED_HOSTS has to be set to the names that this site is called by, as "
            "www.example.com,example.org (.example.com: all names that end so), or to * for any."
        )
