"""The commands `flask seed` and `flask shell`."""

from collections import Counter
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from .database import db
from .errors import SetupError


def init_app(app: Flask) -> None:
    app.cli.add_command(seed)
    app.shell_context_processor(_shell_context)


@click.command()
@with_appcontext
def seed() -> None:
    """Put the seed data into the database; rows that are there stay as they are."""
    from .seeds import seed

    added: Counter[str] = Counter()

    def count(session: Any, _: Any) -> None:
        added.update(type(row).__name__ for row in session.new)

    event.listen(db.session, "after_flush", count)
    try:
        seed()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).partition("\n")[0]
        raise SetupError(
            f"Seeding failed ({reason}): `make status` shows where the database stands."
        ) from error
    finally:
        event.remove(db.session, "after_flush", count)
    rows = ", ".join(f"{model} +{number}" for model, number in sorted(added.items()))
    click.echo(f"Seeded: {rows or 'no new rows'}.")


def _shell_context() -> dict[str, Any]:
    base: Any = db.Model  # the type does not declare the registry
    return {"db": db} | {mapper.class_.__name__: mapper.class_ for mapper in base.registry.mappers}
