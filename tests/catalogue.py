"""What a database holds, read past all of the project's code: by the engines' own dump programs."""

import re
import sqlite3
import subprocess
from collections import defaultdict
from contextlib import closing
from urllib.parse import urlsplit

import servers
from project import BakedProject

# Of the workflow: when and where something was applied differs.
OWN = {"alembic_version", "migration_applied", "migration_marker"}
INSERT = re.compile(r"INSERT INTO (?:public\.)?[`\"]?([^`\"(]+?)[`\"]? (.*)", re.DOTALL)


def schema(project: BakedProject) -> list[str]:
    """Return a description of tables, views, triggers, functions; equal ones are of equal databases."""
    if project.url.startswith("sqlite"):
        with closing(sqlite3.connect(project.url.removeprefix("sqlite:///"))) as connection:
            return sorted(_sqlite(connection))
    if project.url.startswith("postgresql"):
        lines = _dump(project, "--schema-only")
        noise = r"\\(un)?restrict .*|-- .*"
    else:
        lines = _dump(project, "--no-data", "--routines", "--events", "--triggers")
        noise = r"-- .*| AUTO_INCREMENT=\d+|,$"
    # MariaDB lists keys in the order in which they were made.
    return sorted(re.sub(noise, "", line) for line in lines)


def rows(project: BakedProject) -> dict[str, list[str]]:
    """Return all rows of the tables that have some."""
    if project.url.startswith("sqlite"):
        with closing(sqlite3.connect(project.url.removeprefix("sqlite:///"))) as connection:
            lines = list(connection.iterdump())
    elif project.url.startswith("postgresql"):
        lines = _dump(project, "--data-only", "--inserts")
    else:
        lines = _dump(project, "--no-create-info", "--skip-extended-insert", "--skip-triggers")
    found = defaultdict(list)
    for line in lines:
        if (match := INSERT.match(line)) and match[1] not in OWN | {"sqlite_sequence"}:
            found[match[1]].append(match[2])
    return {name: sorted(value) for name, value in found.items()}


def _dump(project: BakedProject, *options: str) -> list[str]:
    if project.url.startswith("postgresql"):
        command = [servers.find("pg_dump"), *options, "--dbname", project.url]
    else:
        parts = urlsplit(project.url)
        command = [servers.find("mariadb-dump"), "--no-defaults", "--skip-dump-date", *options]
        command += [f"--host={parts.hostname}", f"--port={parts.port}", f"--user={parts.username}"]
        command += [parts.path[1:]]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def _sqlite(connection: sqlite3.Connection) -> list[str]:
    found = []
    for _, table, kind, _, without_rowid, strict in connection.execute("PRAGMA main.table_list").fetchall():
        if table in OWN or table.startswith("sqlite_"):
            continue
        found.append(f"{kind} {table} {without_rowid} {strict}")
        for pragma in ("table_xinfo", "foreign_key_list", "index_list"):
            for row in connection.execute(f"PRAGMA {pragma}([{table}])").fetchall():
                # The number of a key or an index says when it was made.
                value = row if pragma == "table_xinfo" else row[1:]
                found.append(f"{table} {pragma} {value}")
                if pragma == "index_list":
                    columns = connection.execute(f"PRAGMA index_xinfo([{row[1]}])").fetchall()
                    found.append(f"{table} {row[1]} {columns}")
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
        plain = re.sub(r"[\s\"]+", "", sql or "")
        if name not in OWN and kind != "table":
            found.append(f"{kind} {name} {plain}")
        elif name not in OWN:
            found += sorted(re.findall(r"(?:CONSTRAINT\w+?)?CHECK\(.*?\)|COLLATE\w+|AUTOINCREMENT", plain))
    return found
