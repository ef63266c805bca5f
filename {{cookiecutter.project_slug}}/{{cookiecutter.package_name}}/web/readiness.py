"""Whether the databases are as far as the code needs them, without Alembic, which no web worker loads.

migrations/HEAD lists the revisions that this code has, the newest last. A database at one of the others is
behind. At one that is not listed it is newer than the code, as the old code finds it in the middle of a
deployment: that is in order, for the schema goes first (docs/deployment.md).
"""

from sqlalchemy import Engine, String, column, inspect, select, table

from ..config import ROOT
from ..database import db

HEAD = ROOT / "migrations" / "HEAD"
VERSION = select(column("version_num", String)).select_from(table("alembic_version"))


def behind() -> list[str]:
    """Return a line for each database that is behind the code; raises SQLAlchemyError where one is away."""
    known = _revisions()
    return [line for engine in db.engines.values() if (line := _problem(engine, known))]


def _problem(engine: Engine, known: list[str]) -> str | None:
    name = engine.url.render_as_string(hide_password=True)
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            stored: list[str] = []
        else:
            stored = list(connection.scalars(VERSION))
    if not known or known[-1] in stored or set(stored) - set(known):
        return None
    return f"{name} is at {' and '.join(stored) or 'no revision'}, this code needs {known[-1]}"


def _revisions() -> list[str]:
    """Return the ids, oldest first; none where there is no such file, as with plain Flask-Migrate."""
    if not HEAD.is_file():
        return []
    found: list[str] = []
    for words in map(str.split, HEAD.read_text(encoding="utf-8").splitlines()):
        if words[:2] == ["#", "folded:"]:  # by a squash: behind as well
            found += words[2:]
        elif words and words[0] != "#":
            found.append(words[0])
    return found
