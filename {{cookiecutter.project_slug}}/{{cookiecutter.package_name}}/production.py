"""Stricter settings for production, and limits for all environments.

The file named by SETTINGS can override them. For Flask's own settings see
https://flask.palletsprojects.com/en/stable/config/ and https://flask.palletsprojects.com/en/stable/web-security/
"""

import os
from typing import Any

from flask import Flask

from .errors import SetupError

# Well-known keys, including those in examples.
KNOWN_SECRET_KEYS = {"", "change-me", "changeme", "dev", "development", "secret", "your-secret-key"}

EVERYWHERE: dict[str, Any] = {
    # In bytes per request. Flask limits forms to 500 kB per field and 1,000 fields.
    "MAX_CONTENT_LENGTH": 16 * 1024 * 1024,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "CONTENT_SECURITY_POLICY": "default-src 'self'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
}
SERVED: dict[str, Any] = {
    "SESSION_COOKIE_SECURE": True,  # over https only
    "PREFERRED_URL_SCHEME": "https",
    # Detect a connection that the server or a firewall has closed before a request uses it. Keep the values
    # of statements out of error messages, and so out of the log.
    "SQLALCHEMY_ENGINE_OPTIONS": {"pool_pre_ping": True, "hide_parameters": True},
}


def defaults(*, served: bool) -> dict[str, Any]:
    """Return the settings that the settings file can override. `served`: neither development nor a test."""
    return {
        "TRUSTED_HOSTS": os.environ.get("TRUSTED_HOSTS"),
        "TRUSTED_PROXIES": os.environ.get("TRUSTED_PROXIES"),
        **EVERYWHERE,
        **(SERVED if served else {}),
    }


def check(app: Flask) -> None:
    """Raise SetupError if the secret key is missing or well known."""
    if (app.config["SECRET_KEY"] or "") in KNOWN_SECRET_KEYS:
        raise SetupError(
            "In production SECRET_KEY has to be set to a value nobody knows: "
            'python -c "import secrets; print(secrets.token_hex())" makes one '
            "(or set FLASK_DEBUG=1 if this is a development machine)."
        )


def check_served(app: Flask) -> None:
    """Raise SetupError if the settings do not suit a web server. `flask db upgrade` does not call this."""
    if app.debug:
        raise SetupError("Debugging is not for a web server: set FLASK_DEBUG=0, or develop with `make run`.")
    if app.config["TRUSTED_HOSTS"] is None:
        raise SetupError(
            "TRUSTED_HOSTS has to be set to the names that this site is called by, as "
            "www.example.com,example.org (.example.com: all names that end so), or to * for any."
        )
