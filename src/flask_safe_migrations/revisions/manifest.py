"""The manifest, migrations/HEAD: a tracked file with a line for each revision, oldest first.

Two branches that each add a revision change the same line, so git reports the conflict at the merge, and not
the database at the deployment. The last line is the head.
"""

import ast
from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory

from .files import digest, read_manifest, sort_revisions

HEADING = "# Revisions, oldest first: id, digest of what it does, message. Written by `flask db new`.\n"
# The variables that give a revision its place in the chain: `flask db rebase` changes them.
CHAIN_VARIABLES = {"revision", "down_revision", "branch_labels", "depends_on"}
CONFLICT_MARKERS = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")


def content_digest(source: str) -> str:
    """Return a digest of what a revision does, without comments, layout, docstrings and its place."""
    return digest([_dump(ast.parse(source))])[:16]


def parse(text: str) -> dict[str, str]:
    """Return the digests by revision id, in the order of the file; conflict markers are skipped."""
    lines = [line.split() for line in text.splitlines() if not line.startswith(("#", *CONFLICT_MARKERS))]
    return {line[0]: line[1] for line in lines if len(line) > 1}


def path(script: ScriptDirectory) -> Path:
    return Path(script.dir) / "HEAD"


def write(script: ScriptDirectory) -> None:
    """Write all revisions with the digests of their current files."""
    _write(script, {})


def add(script: ScriptDirectory) -> None:
    """Add the revisions that are missing, and keep the digests of the others.

    So `flask db verify` keeps reporting a revision that was edited after it was proved.
    """
    _write(script, load(script))


def _write(script: ScriptDirectory, known_digests: dict[str, str]) -> None:
    lines = [
        _format_line(revision, known_digests.get(revision.revision)) for revision in sort_revisions(script)
    ]
    path(script).write_text(HEADING + "".join(lines), encoding="utf-8", newline="\n")


def load(script: ScriptDirectory) -> dict[str, str]:
    """Return the digests in migrations/HEAD by revision id; nothing where there is no such file."""
    return parse(read_manifest(script))


def find_problems(script: ScriptDirectory) -> list[str]:
    """Report where migrations/HEAD and the revision files differ."""
    listed = load(script)
    existing = {revision.revision: revision for revision in sort_revisions(script)}
    problems = [
        f"{Path(revision.path).name} has changed since it was proved"
        if name in listed
        else f"{Path(revision.path).name} is not listed"
        for name, revision in existing.items()
        if listed.get(name) != _digest_file(revision)
    ]
    problems += [f"{name} is listed, but has no file" for name in listed.keys() - existing.keys()]
    if not problems and list(listed) != list(existing) and len(script.get_heads()) == 1:
        problems.append("the revisions are in another order")
    return [f"migrations/HEAD: {problem}; `flask db new --prove` updates it" for problem in problems]


def _digest_file(revision: Script) -> str:
    return content_digest(Path(revision.path).read_text(encoding="utf-8"))


def _format_line(revision: Script, known_digest: str | None) -> str:
    """Return the line of a revision, for a squashed baseline preceded by the ids it replaces.

    readiness.py reads these: a database at one of them is behind.
    """
    replaced = list(getattr(revision.module, "replaces", ()))
    lines = [f"# folded: {' '.join(replaced[start : start + 8])}\n" for start in range(0, len(replaced), 8)]
    content = known_digest or _digest_file(revision)
    line = f"{revision.revision} {content} {' '.join(revision.doc.split())}".rstrip()
    return "".join(lines) + line + "\n"


def _dump(node: Any) -> str:
    """Like ast.dump(), whose output for the same code is different in Python 3.13.

    `flask db upgrade` calls this about a hundred times for each revision.
    """
    if isinstance(node, ast.AST):
        fields = []
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != []:
                fields.append(f"{name}={_dump(value)}")
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join([_dump(item) for item in node if not _is_ignored(item)])}]"
    return repr(node)


def _is_ignored(item: Any) -> bool:
    if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant):
        return isinstance(item.value.value, str)
    targets = [item.target] if isinstance(item, ast.AnnAssign) else getattr(item, "targets", [])
    return any(isinstance(target, ast.Name) and target.id in CHAIN_VARIABLES for target in targets)
