"""What is believed of requests, and what browsers are told.

These headers are less to own than Flask-Talisman, which adds redirects and has had no release since 2023.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers says what each of them does.
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
LOOPBACK = ["127.0.0.1", "localhost"]  # a health check from inside the container; it leads nobody astray


def init_app(app: Flask) -> None:
    app.config["TRUSTED_HOSTS"] = _hosts(app.config["TRUSTED_HOSTS"])
    app.config["TRUSTED_PROXIES"] = proxies = _number(app.config["TRUSTED_PROXIES"])
    if proxies:
        # Not X-Forwarded-Host: past a proxy that does not set it, a client can.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.after_request(_add_headers)


def _hosts(value: str | list[str] | None) -> list[str] | None:
    """Return the names; an empty list for any; None, which Flask takes for any as well, where nobody said."""
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not names:
        return None
    return [] if "*" in names else [*names, *LOOPBACK]


def _number(value: str | int | None) -> int:
    if not str(value or 0).isdecimal():
        raise SetupError(f"TRUSTED_PROXIES is {value}, and has to be the number of proxies in front: 1, say.")
    return int(value or 0)


def _add_headers(response: Response) -> Response:
    """A view that has set one of them has its reasons."""
    headers = HEADERS | {"Content-Security-Policy": current_app.config["CONTENT_SECURITY_POLICY"]}
    if request.is_secure and not current_app.debug:
        headers["Strict-Transport-Security"] = A_YEAR
    for name, value in headers.items():
        if value:
            response.headers.setdefault(name, value)
    return response
