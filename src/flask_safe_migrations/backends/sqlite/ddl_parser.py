"""Parses the constraints in a CREATE TABLE statement, whether they are named or not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

PIECE = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|[\w.]+|\s+|[<>=!|]+|.""",
    re.DOTALL,
)
AT_TABLE = {"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"}


class Piece(str):
    """A token and its position in the statement."""

    start: int
    end: int


@dataclass(frozen=True)
class Declared:
    kind: str  # as in ConstraintInfo
    columns: tuple[str, ...]
    parent: str  # of a foreign key
    text: str  # of a CHECK; for a foreign key, whether it is DEFERRABLE
    name: str | None


def declared(create: str) -> Iterator[Declared]:
    for definition in _definitions(create):
        yield from _of(definition, create)


def _definitions(create: str) -> list[list[Piece]]:
    """Return the definitions of columns and constraints as tokens, without whitespace and comments."""
    pieces = []
    for found in PIECE.finditer(create):
        if not found[0].isspace() and found[0][:2] not in {"--", "/*"}:
            pieces.append(Piece(found[0]))
            pieces[-1].start, pieces[-1].end = found.span()
    start = next((place for place, piece in enumerate(pieces) if piece == "("), None)
    return [] if start is None else _split(_group(pieces, start))


def _of(pieces: list[Piece], create: str) -> Iterator[Declared]:
    """Yield the constraints in one definition of a column or table constraint."""
    own: tuple[str, ...] = () if pieces[0].upper() in AT_TABLE else (_bare(pieces[0]),)
    name, local, place = None, own, len(own)
    while place < len(pieces):
        word, rest = pieces[place].upper(), pieces[place + 1 :]
        group = _group(pieces, place + 1) if rest[:1] == ["("] else []
        if word == "CONSTRAINT":
            name, place = _bare(rest[0]), place + 1
        elif word in {"PRIMARY", "UNIQUE"}:
            kind = "primary key" if word == "PRIMARY" else "unique constraint"
            start = place + (2 if word == "PRIMARY" else 1)
            columns = own or _names(_group(pieces, start))
            yield Declared(kind, columns, "", "", name)
            name = None
        elif word == "CHECK":
            text = create[group[0].start : group[-1].end] if group else ""
            yield Declared("check", (), "", " ".join(text.split()), name)
            name = None
        elif word == "FOREIGN":
            local = _names(_group(pieces, place + 2))
        elif word == "REFERENCES":
            late = re.search(r"(?<!NOT )DEFERRABLE( INITIALLY DEFERRED)?", " ".join(rest).upper())
            yield Declared("foreign key", local, _bare(rest[0]), late[0] if late else "", name)
            name = None
        place += 1
        if pieces[place : place + 1] == ["("]:
            place += len(_group(pieces, place)) + 2


def _group(pieces: list[Piece], start: int) -> list[Piece]:
    """Return the tokens between the parenthesis at `start` and its closing parenthesis."""
    depth = 0
    for place in range(start, len(pieces)):
        depth += {"(": 1, ")": -1}.get(pieces[place], 0)
        if not depth:
            return pieces[start + 1 : place]
    return pieces[start + 1 :]


def _split(pieces: list[Piece]) -> list[list[Piece]]:
    parts: list[list[Piece]] = [[]]
    depth = 0
    for piece in pieces:
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == "," and not depth:
            parts.append([])
        else:
            parts[-1].append(piece)
    return [part for part in parts if part]


def _names(pieces: list[Piece]) -> tuple[str, ...]:
    """Return the columns of a key, without COLLATE and sort order."""
    return tuple(_bare(part[0]) for part in _split(pieces))


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name[0] in "\"`['" else name


def columns_with(create: str, word: str) -> Iterator[tuple[str, str]]:
    """Yield the columns whose definition contains a keyword, with the token that follows it."""
    for definition in _definitions(create):
        if definition[0].upper() in AT_TABLE:
            continue
        depth = 0
        for place, piece in enumerate(definition):
            depth += {"(": 1, ")": -1}.get(piece, 0)
            if place and not depth and piece.upper() == word:
                yield _bare(definition[0]), _bare(definition[place + 1]) if definition[place + 1 :] else ""
