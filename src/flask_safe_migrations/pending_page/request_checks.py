"""Who may see details, who may press the button, and where a request returns to.

A development server is reached by every page that the developer's browser shows, and sometimes by a whole
network. A page of another origin can send a POST to it, and with a DNS name that it points to 127.0.0.1 also
read the answer (https://en.wikipedia.org/wiki/DNS_rebinding), but it cannot change Host, Origin or
Sec-Fetch-Site.
"""

import hmac
import ipaddress
import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Request

# A proxy makes every client look local, and ProxyFix believes what these say.
FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
# Browsers remove tabs and line breaks from an address, and take a backslash for a slash.
# https://url.spec.whatwg.org/#concept-basic-url-parser
SAFE_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


def is_local(request: Request) -> bool:
    """Return whether the request comes from this machine, under one of its own names."""
    return (
        _is_loopback(request.remote_addr or "")
        and _is_local_name(request.environ.get("HTTP_HOST") or "")
        and not any(name in request.headers for name in FORWARDED)
    )


def is_same_origin(request: Request) -> bool:
    """Return whether a page of this server has sent the request.

    https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
    """
    own = f"{request.scheme}://{request.environ.get('HTTP_HOST')}"
    return (
        request.headers.get("Origin", "").casefold() == own.casefold()
        and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
    )


class Tokens:
    """Tokens for the forms of this process. Each belongs to what its page has shown."""

    def __init__(self) -> None:
        self.key = secrets.token_bytes()

    def make(self, shown: Any) -> str:
        """Return the token of a page; `shown` is what its button is about."""
        return hmac.digest(self.key, repr(shown).encode(), "sha256").hex()

    def is_valid(self, token: str, shown: Any) -> bool:
        return hmac.compare_digest(token.encode(), self.make(shown).encode())


def find_return_path(request: Request) -> str:
    """Return the path of the requested page with its query, or of the form that this request submits."""
    if request.method in {"GET", "HEAD"}:
        return _find_path(request.url)
    form = str(request.referrer or "")
    if form.startswith(request.host_url):
        return _find_path(form)
    return _find_path(request.base_url)


def safe_path(path: str) -> str:
    """Return a path that leads to this server, or / in the place of any other."""
    return path if SAFE_PATH.fullmatch(path) else "/"


def _find_path(url: str) -> str:
    try:
        parts = urlsplit(iri_to_uri(url))
    except ValueError:  # "http://["
        return "/"
    return safe_path(f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/")


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def _is_local_name(host: str) -> bool:
    """Return whether a Host header names this machine. No DNS server is asked for these names.

    https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    """
    name = re.sub(r":\d+$", "", host.casefold())
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_loopback(name.removeprefix("[").removesuffix("]"))
