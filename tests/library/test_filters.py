"""Our comparators ask the application's filters about each thing they find, and log it as Alembic's do."""

import pytest

MODELS = """
from sqlalchemy import CheckConstraint, Index, Sequence, text

class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(120), nullable=False)
    age = db.Column(db.Integer{default})
    {columns}
    __table_args__ = ({arguments})

asked = []

def include_object(item, name, kind, reflected, other):
    asked.append((kind, name, reflected))
    return name not in {left_out!r}

def include_name(name, kind, parents):
    return name not in {left_out!r}
"""
CHECK = 'CheckConstraint("age > 0", name="positive"), '
INDEX = 'Index("ix_lower", text("lower(email)")), '


def models(arguments: str = "", columns: str = "", default: str = "", left_out: tuple = ()) -> str:
    fields = {"arguments": arguments, "columns": columns, "default": default}
    return MODELS.format(**fields, left_out=list(left_out))


@pytest.fixture
def filtered(project):
    project.arguments = (
        "include_object=lambda *a: include_object(*a), include_name=lambda *a: include_name(*a)"
    )
    project.models = models()
    project.flask("new", "-m", "users")
    return project


@pytest.mark.parametrize(
    ("argument", "name", "kind"),
    [(CHECK, "ck_user_positive", "check constraint"), (INDEX, "ix_lower", "index")],
)
def test_added_and_removed(filtered, caplog, argument, name, kind):
    caplog.set_level("INFO", "flask_safe_migrations.autogenerate")
    caplog.set_level("INFO", "alembic")
    filtered.models = models(argument, left_out=(name,))
    assert "Nothing to migrate" in filtered.flask("new", "-m", "added")
    filtered.models = models(argument)
    filtered.flask("new", "-m", "added")
    assert f"Detected added {kind} '{name}' on 'user'" in caplog.text
    filtered.models = models(left_out=(name,))
    assert "Nothing to migrate" in filtered.flask("new", "-m", "removed")
    filtered.models = models()
    filtered.flask("new", "-m", "removed")
    assert f"Detected removed {kind} '{name}' on 'user'" in caplog.text


@pytest.mark.parametrize(
    ("before", "after", "name", "found"),
    [
        (
            (CHECK,),
            (CHECK.replace("> 0", "> 17"),),
            "ck_user_positive",
            "check constraint 'ck_user_positive'",
        ),
        ((INDEX,), (INDEX.replace("lower(email", "upper(email"),), "ix_lower", "index 'ix_lower'"),
    ],
)
def test_changed(filtered, caplog, before, after, name, found):
    caplog.set_level("INFO", "flask_safe_migrations.autogenerate")
    caplog.set_level("INFO", "alembic")
    filtered.models = models(*before)
    filtered.flask("new", "-m", "added")
    filtered.models = models(*after, left_out=(name,))
    assert "Nothing to migrate" in filtered.flask("new", "-m", "changed")
    assert "Detected changed" not in caplog.text
    filtered.models = models(*after)
    filtered.flask("new", "-m", "changed")
    assert f"Detected changed {found} on 'user'" in caplog.text


def test_server_defaults(filtered, caplog):
    caplog.set_level("INFO", "flask_safe_migrations.autogenerate")
    caplog.set_level("INFO", "alembic")
    filtered.models = models(default=", server_default='18'", left_out=("age",))
    assert "Nothing to migrate" in filtered.flask("new", "-m", "default")
    filtered.models = models(default=", server_default='18'")
    filtered.flask("new", "-m", "default")
    assert "Detected server default on column 'user.age'" in caplog.text


def test_types_and_sequences_of_postgresql(new_project, server_url, caplog):
    caplog.set_level("INFO", "flask_safe_migrations.autogenerate")
    caplog.set_level("INFO", "alembic")
    project = new_project(server_url("postgresql+psycopg"))
    project.arguments = (
        "include_object=lambda *a: include_object(*a), include_name=lambda *a: include_name(*a)"
    )
    project.models = models()
    project.flask("init")
    project.flask("new", "-m", "users")
    mood = 'mood = db.Column(db.Enum("good", "bad", name="mood"))'
    counter = '\nSequence("orders", metadata=db.metadata)\n'
    other = """
class Other(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    kind = db.Column(db.Enum("a", "b", name="other_kind"))
"""
    project.models = models(columns=mood, left_out=("mood", "orders", "other")) + counter + other
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    project.models = models(columns=mood, left_out=("other",)) + counter + other
    project.flask("new", "-m", "moods")
    assert "Detected added enum type 'mood'" in caplog.text
    assert "Detected added sequence 'orders'" in caplog.text
    assert "other_kind" not in caplog.text
    more = mood.replace('"bad"', '"bad", "fair"')
    project.models = models(columns=more, left_out=("other",)) + counter + other
    project.flask("new", "-m", "fair")
    assert "Detected changed values of enum type 'mood'" in caplog.text
    project.models = models(left_out=("other",)) + counter + other
    project.flask("new", "-m", "no moods", "--drop", "user.mood")
    assert "Detected removed enum type 'mood'" in caplog.text


def test_renamed_keys(new_project, server_url, caplog):
    caplog.set_level("INFO", "flask_safe_migrations.autogenerate")
    caplog.set_level("INFO", "alembic")
    project = new_project(server_url("postgresql+psycopg"))
    project.metadata = ""
    project.arguments = "include_object=lambda *a: include_object(*a)"
    child = """
class Child(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.ForeignKey("user.id", name={name!r}))
"""
    project.models = models() + child.format(name="first")
    project.flask("init")
    project.flask("new", "-m", "users")
    project.models = models(left_out=("second",)) + child.format(name="second")
    assert "Nothing to migrate" in project.flask("new", "-m", "renamed")
    project.models = models() + child.format(name="second")
    project.flask("new", "-m", "renamed")
    assert "Detected renamed foreign key constraint 'first' to 'second' on 'child'" in caplog.text
