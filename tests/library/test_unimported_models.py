"""A model whose module the application does not import: `flask db new` cannot see it, and names the file."""

import sys

import pytest

from flask_safe_migrations.autogenerate.unimported_models import find_unimported_models

ORDER = """
from {package} import db


class Order(db.Model):
    id = db.Column(db.Integer, primary_key=True)
"""
NOTICE = "is not imported, so its models are not seen (Order): import it where the application is created"


@pytest.fixture
def shop(project):
    project.flask("new", "-m", "start")
    path = project.path / project.name / "orders.py"
    path.write_text(ORDER.format(package=project.name))
    return project


def test_new_names_the_file_when_there_is_nothing_to_migrate(shop):
    shown = shop.flask("new", "-m", "orders")
    assert "Nothing to migrate" in shown and f"{shop.name}/orders.py {NOTICE}.\n" in shown
    shop.models += f"\n\ndef later():\n    from {shop.name} import orders\n"
    assert NOTICE in shop.flask("migrate", "-m", "orders")
    shop.models += "\n\nlater()\n"
    shown = shop.flask("new", "-m", "orders")
    assert "Wrote" in shown and NOTICE not in shown
    sys.modules.pop(f"{shop.name}.orders")
    shown = shop.flask("new", "-m", "again")
    assert "Nothing to migrate" in shown and NOTICE not in shown
    sys.modules.pop(f"{shop.name}.orders")
    shop.models = shop.models.removesuffix("later()\n")
    refusal = shop.fails("new", "-m", "no orders")
    assert f"import the model (not imported: {shop.name}/orders.py)" in refusal


def test_verify_mentions_the_file(shop):
    shown = shop.flask("verify")  # it succeeds: the file may be one that is no longer used
    assert "✓ every model is imported" in shown and f"{shop.name}/orders.py {NOTICE}" in shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("class A(db.Model): pass", ["A"]),
        ("class A(Base):\n    __tablename__ = 'a'", ["A"]),
        ("class A(Base):\n    __tablename__: str = 'a'\nclass B(db.Model): pass", ["A", "B"]),
        ("def make():\n    class A(db.Model): pass", ["A"]),
        ("class A(db.Model):\n    __abstract__ = True", []),
        ("class A(Mixin):\n    def __tablename__(self): return 'a'\nclass B(A.Other): pass", []),
        ("db.Model = 1", []),
        ("class A(db.Model)", []),  # a syntax error
        ("\0db.Model", []),
    ],
)
def test_what_is_taken_for_a_model(tmp_path, monkeypatch, text, found):
    package = f"found_{tmp_path.name}"
    (tmp_path / package / "inner").mkdir(parents=True)
    (tmp_path / package / "__init__.py").touch()
    (tmp_path / package / "inner" / "models.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    __import__(package)
    models = find_unimported_models(f"{package}.web")
    assert [*models.values()] == ([found] if found else [])
    assert find_unimported_models("never_imported") == {}


def test_beside_a_single_module_its_folder_is_searched(tmp_path, monkeypatch):
    names = ["models.py", "venv/lib/models.py", ".hidden/models.py", "tests/models.py", "migrations/env.py"]
    for name in [*names, "test_models.py", "conftest.py", "more/models.py"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("class A(db.Model): pass")
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "single_app.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    import single_app

    try:
        found = find_unimported_models("single_app")
    finally:
        del sys.modules[single_app.__name__]
    assert {str(path.relative_to(tmp_path)) for path in found} == {"models.py", "more/models.py"}
