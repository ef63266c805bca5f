#!/bin/sh
# Shows the main job: from generation to migrated data, on SQLite. Each command is printed before it runs.
set -eu
unset MAKEFLAGS MAKELEVEL  # or every make below would tell which folder it enters
cd "$(dirname "$0")/.."
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { say "\$ $*"; "$@"; }
users() { python3 -c 'import sqlite3; print(*sqlite3.connect("instance/demo_shop.db").execute("SELECT * FROM users"), sep="\n")'; }

rm -rf demo
run .venv/bin/cookiecutter --no-input . --output-dir demo project_name="Demo Shop"
cd demo/demo-shop
run make db
say "The seeded row in table users:"
users

say "Now the model changes: users.phone is new, and users.name may be 200 characters long."
python3 - <<'CHANGE'
from pathlib import Path

models = Path("demo_shop/models/users.py")
text = models.read_text(encoding="utf-8").replace("String(100), index=True)", "String(200), index=True)")
text = text.replace(
    "    created_at:", "    phone: Mapped[str | None] = mapped_column(String(30))\n    created_at:"
)
models.write_text(text, encoding="utf-8")
CHANGE
run make newmigration m="add users.phone, longer names"
run make sql
run make migrate
say "The row is still there, with the new column:"
users
run make rollback
run make migrate
run make status
say "Done. The project is in demo/demo-shop: cd there and type make."
