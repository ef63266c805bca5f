"""Writes a project with a history as stock Flask-Migrate makes it: python stock_history.py FOLDER URL.

Each stage is a change of the models, `flask db migrate` and `flask db upgrade`, as it was done over years.
"""

import importlib
import re
import sys
from pathlib import Path

import flask_migrate

APP = """import os

from flask import Flask
from flask_migrate import Migrate

from .models import db

migrate = Migrate()


def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
    db.init_app(app)
    migrate.init_app(app, db)
    return app
"""
HEAD = """from datetime import datetime

from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()
"""
FIRST = """

class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(64), index=True, unique=True)
    email = db.Column(db.String(120))
    password_hash = db.Column(db.String(128))
"""
POST = """

class Post(db.Model):
    __tablename__ = "posts"
    id = db.Column(db.Integer, primary_key=True)
    body = db.Column(db.String(140))
    timestamp = db.Column(db.DateTime, index=True, default=datetime.now)
    user_id = db.Column(db.Integer, db.ForeignKey("users.id"))
"""
FOLLOWERS = """

followers = db.Table(
    "followers",
    db.Column("follower_id", db.Integer, db.ForeignKey("users.id"), primary_key=True),
    db.Column("followed_id", db.Integer, db.ForeignKey("users.id"), primary_key=True),
)
"""
MESSAGE = """

class Message(db.Model):
    __tablename__ = "messages"
    id = db.Column(db.Integer, primary_key=True)
    sender_id = db.Column(db.Integer, db.ForeignKey("users.id"), nullable=False)
    body = db.Column(db.Text)
    kind = db.Column(db.Enum("private", "public", name="message_kind"))
    __table_args__ = (db.UniqueConstraint("sender_id", "kind", name="uq_sender_kind"),)
"""
TAG = """

class Tag(db.Model):
    __tablename__ = "tags"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(40), unique=True, nullable=False)
    parent_id = db.Column(db.Integer, db.ForeignKey("tags.id"))


post_tags = db.Table(
    "post_tags",
    db.Column("post_id", db.Integer, db.ForeignKey("posts.id"), primary_key=True),
    db.Column("tag_id", db.Integer, db.ForeignKey("tags.id"), primary_key=True),
)
"""
TASK = """

class Task(db.Model):
    __tablename__ = "tasks"
    id = db.Column(db.String(36), primary_key=True)
    name = db.Column(db.String(128), index=True)
    progress = db.Column(db.Float)
"""
USER_END = "    password_hash = db.Column(db.String(128))\n"
POST_END = '    user_id = db.Column(db.Integer, db.ForeignKey("users.id"))\n'


def after(line: str, new: str):
    """A change: a line of a model, behind another one."""
    return lambda models: models.replace(line, f"{line}    {new}\n")


def other(old: str, new: str):
    return lambda models: models.replace(old, new)


def gone(part: str):
    return lambda models: models.replace(part, "")


def more(part: str):
    return lambda models: models + part


# Message and change; where there is no change, the revision was written by hand.
STAGES = [
    ("users table", more(FIRST)),
    ("posts table", more(POST)),
    ("new fields in user model", after(USER_END, "about_me = db.Column(db.String(140))")),
    ("last seen", after(USER_END, "last_seen = db.Column(db.DateTime)")),
    ("followers", more(FOLLOWERS)),
    ("email index", other("db.String(120))", "db.String(120), index=True)")),
    ("add language to posts", after(POST_END, "language = db.Column(db.String(5))")),
    ("private messages", more(MESSAGE)),
    ("tags", more(TAG)),
    ("tasks", more(TASK)),
    ("longer bodies", other("db.String(140))\n    timestamp", "db.String(500))\n    timestamp")),
    ("user tokens", after(USER_END, "token = db.Column(db.String(32), index=True, unique=True)")),
    ("active users", after(USER_END, "active = db.Column(db.Boolean, server_default='1')")),
    ("normalize emails", None),
    (
        "emails are required",
        other("db.String(120), index=True)", "db.String(120), index=True, nullable=False)"),
    ),
    ("balance", after(USER_END, "balance = db.Column(db.Numeric(8, 2))")),
    ("larger balance", other("db.Numeric(8, 2)", "db.Numeric(12, 2)")),
    ("no more tasks", gone(TASK)),
    ("settings", after(USER_END, "settings = db.Column(db.JSON)")),
    (
        "index posts by user",
        other(
            'db.ForeignKey("users.id"))\n    language', 'db.ForeignKey("users.id"), index=True)\n    language'
        ),
    ),
    ("no token", gone("    token = db.Column(db.String(32), index=True, unique=True)\n")),
    ("longer password hashes", other("db.String(128))\n    settings", "db.String(256))\n    settings")),
]
BY_HAND = """    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT id, email FROM users")).fetchall()
    for row in rows:
        values = {"id": row.id, "email": (row.email or f"{row.id}@example.com").lower()}
        connection.execute(sa.text("UPDATE users SET email = :email WHERE id = :id"), values)
"""
USERS = "INSERT INTO users (id, username, email) VALUES (1, 'ann', 'Ann@Example.com'), (2, 'bob', NULL)"


def main(folder: Path, url: str) -> None:
    from sqlalchemy import create_engine, text

    package = folder / "microblog"
    package.mkdir()
    (package / "__init__.py").write_text(APP)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    models = HEAD
    for number, (message, change) in enumerate(STAGES):
        models = change(models) if change else models
        assert change is None or models != (package / "models.py").read_text() if number else True, message
        (package / "models.py").write_text(models)
        for name in ("microblog", "microblog.models"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        app = importlib.import_module("microblog").create_app()
        with app.app_context():
            if not number:
                flask_migrate.init()
            if change:
                flask_migrate.migrate(message=message)
            else:
                flask_migrate.revision(message=message)
            newest = max(folder.glob("migrations/versions/*.py"), key=lambda path: path.stat().st_mtime_ns)
            if not change:
                newest.write_text(newest.read_text().replace("    pass\n", BY_HAND, 1))
            flask_migrate.upgrade()
            app.extensions["sqlalchemy"].engines  # noqa: B018
            for engine in app.extensions["sqlalchemy"].engines.values():
                engine.dispose()
        if not number:
            engine = create_engine(url)
            with engine.begin() as connection:
                connection.execute(text(USERS))
            engine.dispose()
    texts = [path.read_text() for path in folder.glob("migrations/versions/*.py")]
    assert len(texts) == len(STAGES)
    assert all(re.search(r"^from alembic import op$", each, re.MULTILINE) for each in texts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
