"""migrations/HEAD: the chain of revisions as a tracked file, a line for each, oldest first.

Two branches that each add a revision change the same place of it, so git reports the conflict when they are
merged, and not the database when it is deployed. The last line is the head.
"""

import ast
from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory

from .files import digest, in_order

HEADING = "# Revisions, oldest first: id, digest of what it does, message. Written by `flask db new`.\n"
# What says where a revision stands in the chain: `flask db rebase` changes it.
PLACE = {"revision", "down_revision", "branch_labels", "depends_on"}
CONFLICT = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")


def content(source: str) -> str:
    """Return a digest of what a revision does: comments, layout, docstrings and its place do not count."""
    return digest([_shape(ast.parse(source))])[:16]


def read(text: str) -> dict[str, str]:
    """Return digests by id, as they stand in the file; the marks of a conflict are passed over."""
    lines = [line.split() for line in text.splitlines() if not line.startswith(("#", *CONFLICT))]
    return {line[0]: line[1] for line in lines if len(line) > 1}


def path(script: ScriptDirectory) -> Path:
    return Path(script.dir) / "HEAD"


def write(script: ScriptDirectory) -> None:
    """List all revisions as they are."""
    _write(script, {})


def add(script: ScriptDirectory) -> None:
    """List those that are not; one that was edited since it was proved goes on being told as such."""
    _write(script, listed(script))


def _write(script: ScriptDirectory, said: dict[str, str]) -> None:
    lines = [_line(revision, said.get(revision.revision)) for revision in in_order(script)]
    path(script).write_text(HEADING + "".join(lines), encoding="utf-8", newline="\n")


def listed(script: ScriptDirectory) -> dict[str, str]:
    """Return what migrations/HEAD says; nothing where there is none."""
    file = path(script)
    return read(file.read_text(encoding="utf-8")) if file.exists() else {}


def problems(script: ScriptDirectory) -> list[str]:
    """Say where migrations/HEAD and the files differ."""
    said = listed(script)
    there = {revision.revision: revision for revision in in_order(script)}
    found = [
        f"{Path(revision.path).name} is not what it was when it was proved"
        if name in said
        else f"{Path(revision.path).name} is not listed"
        for name, revision in there.items()
        if said.get(name) != content_of(revision)
    ]
    found += [f"{name} is listed, and no file has it" for name in said.keys() - there.keys()]
    if not found and list(said) != list(there) and len(script.get_heads()) == 1:
        found.append("the revisions come in another order")
    return [f"migrations/HEAD: {problem}; `flask db new --prove` mends it" for problem in found]


def content_of(revision: Script) -> str:
    return content(Path(revision.path).read_text(encoding="utf-8"))


def _line(revision: Script, said: str | None) -> str:
    """Before a squashed baseline what it stands for: a database there is behind (readiness.py)."""
    folded = list(getattr(revision.module, "replaces", ()))
    lines = [f"# folded: {' '.join(folded[start : start + 8])}\n" for start in range(0, len(folded), 8)]
    line = f"{revision.revision} {said or content_of(revision)} {' '.join(revision.doc.split())}".rstrip()
    return "".join(lines) + line + "\n"


def _shape(node: Any) -> str:
    """Like ast.dump(), which words the same code differently in Python 3.13."""
    if isinstance(node, list):
        return f"[{','.join(_shape(item) for item in node if not _says_nothing(item))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [f"{name}={_shape(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])]
    return f"{type(node).__name__}({','.join(fields)})"


def _says_nothing(item: Any) -> bool:
    if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant):
        return isinstance(item.value.value, str)
    targets = [item.target] if isinstance(item, ast.AnnAssign) else getattr(item, "targets", [])
    return any(isinstance(target, ast.Name) and target.id in PLACE for target in targets)
