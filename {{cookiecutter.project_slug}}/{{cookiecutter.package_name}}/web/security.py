"""Trusted hosts and proxies, and security headers.

A few headers need less maintenance than Flask-Talisman, which adds redirects and has had no release since
2023. They are described in https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers
"""

from flask import Flask, Response, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

from ..errors import SetupError

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
A_YEAR = "max-age=31536000"
LOOPBACK = ["127.0.0.1", "localhost"]  # for a health check inside the container


def init_app(app: Flask) -> None:
    app.config["TRUSTED_HOSTS"] = _hosts(app.config["TRUSTED_HOSTS"])
    app.config["TRUSTED_PROXIES"] = proxies = _number(app.config["TRUSTED_PROXIES"])
    if proxies:
        # Not X-Forwarded-Host: if the proxy does not set it, a client can.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.after_request(_add_headers)


def _hosts(value: str | list[str] | None) -> list[str] | None:
    """Return the host names. An empty list permits any host, and so does None, the value if none is set."""
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not names:
        return None
    return [] if "*" in names else [*names, *LOOPBACK]


def _number(value: str | int | None) -> int:
    if not str(value or 0).isdecimal():
        raise SetupError(f"TRUSTED_PROXIES is {value}, and has to be the number of proxies in front: 1, say.")
    return int(value or 0)


def _add_headers(response: Response) -> Response:
    """Add the headers, except those that the view has set."""
    headers = HEADERS | {"Content-Security-Policy": current_app.config["CONTENT_SECURITY_POLICY"]}
    if request.is_secure and not current_app.debug:
        headers["Strict-Transport-Security"] = A_YEAR
    for name, value in headers.items():
        if value:
            response.headers.setdefault(name, value)
    return response
