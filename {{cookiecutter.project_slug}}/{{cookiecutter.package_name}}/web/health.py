"""Health checks for a load balancer or an orchestrator.

`/health/live`: the process answers; if not, restart it. `/health/ready`: the database answers and is not
behind the code; if not, send requests elsewhere. `/health`: the database answers.
"""

from flask import Blueprint, current_app
from flask_safe_migrations.readiness import behind
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from ..database import db

blueprint = Blueprint("health", __name__)
Answer = tuple[dict[str, str], int]


@blueprint.get("/health")
def health() -> Answer:
    try:
        db.session.execute(select(1))
    except SQLAlchemyError:
        current_app.logger.exception("The database does not answer")
        return {"status": "error", "database": "unreachable"}, 503
    return {"status": "ok", "database": "ok"}, 200


@blueprint.get("/health/live")
def live() -> Answer:
    return {"status": "ok"}, 200


@blueprint.get("/health/ready")
def ready() -> Answer:
    try:
        problems = behind()
    except SQLAlchemyError:
        current_app.logger.exception("The database does not answer")
        return {"status": "error", "database": "does not answer"}, 503
    if problems:
        for problem in problems:  # do not publish the names of revisions
            current_app.logger.error(problem)
        return {"status": "error", "database": "is behind the code: flask db upgrade"}, 503
    return {"status": "ok", "database": "ok"}, 200
