"""The documentation of the library: `make docs` builds it into docs/_build/html.

The pages about one topic each are in src/flask_safe_migrations/help, so that they travel in the wheel and
`flask db help` shows them. They are copied to docs/topics before each build: a copy needs no symbolic link
(Windows does not create one by default) and no page that only includes another one.
"""

import logging
import shutil
from pathlib import Path

from flask_safe_migrations import __version__

HERE = Path(__file__).parent
TOPICS = HERE.parent / "src" / "flask_safe_migrations" / "help"


def copy_topics() -> None:
    copies = HERE / "topics"
    copies.mkdir(exist_ok=True)
    for stale in {path.name for path in copies.glob("*.md")} - {path.name for path in TOPICS.glob("*.md")}:
        (copies / stale).unlink()
    for page in TOPICS.glob("*.md"):
        shutil.copy2(page, copies)  # with its time: Sphinx reads again only what has changed


copy_topics()
logging.getLogger("alembic").setLevel(logging.WARNING)  # autodoc imports it, and it reports its plugins

project = "Flask-Safe-Migrations"
author = "its contributors"
copyright = author  # noqa: A001  (Sphinx asks for this name)
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {release}"

myst_heading_anchors = 3
# Highlighting: the pages show fragments, such as a diff or the lines of one function.
highlight_language = "none"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say what is taken, and what for

# A reference to something that does not exist is a warning, and `make docs` takes warnings for errors.
nitpicky = True
