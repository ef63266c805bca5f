"""Parses CREATE TABLE: constraints, and features that SQLAlchemy cannot reflect and a rebuild would lose."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

PIECE = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|[\w.$]+|\s+|[<>=!|]+|.""",
    re.DOTALL,
)
TABLE_CONSTRAINTS = {"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"}

# Features of a column, and of a whole table.
ON_CONFLICT = r"ON CONFLICT \w+"
COLUMN_FEATURES = rf"COLLATE \S+|{ON_CONFLICT}|AUTOINCREMENT|ON (?:DELETE|UPDATE) (?:SET )?\w+"
TABLE_FEATURES = r"WITHOUT ROWID|STRICT"

T = TypeVar("T", bound=str)


class Piece(str):
    """A token and its position in the statement."""

    start: int
    end: int


@dataclass(frozen=True)
class DeclaredConstraint:
    kind: str  # as in ConstraintInfo
    columns: tuple[str, ...]
    parent: str  # of a foreign key
    text: str  # of a CHECK; for a foreign key, whether it is DEFERRABLE
    name: str | None


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def without_quotes(sql: str) -> str:
    """Return the statement without quotes around plain names.

    SQLite adds them when it renames a table in a trigger or view.
    https://www.sqlite.org/lang_altertable.html
    """
    return "".join(
        piece[1:-1] if piece[0] in '"`[' and re.fullmatch(r"\w+", piece[1:-1]) else piece
        for piece in PIECE.findall(sql)
    )


def split(text: str) -> list[str]:
    """Split at commas outside of parentheses and quotes."""
    return ["".join(part).strip() for part in _split(PIECE.findall(text))]


def declared_constraints(create: str) -> Iterator[DeclaredConstraint]:
    for definition in _definitions_and_options(create)[0]:
        yield from _constraints_of(definition, create)


def _definitions_and_options(create: str) -> tuple[list[list[Piece]], list[Piece]]:
    """Return the definitions of columns and constraints, and what follows them, such as WITHOUT ROWID.

    All are tokens, without whitespace and comments.
    """
    pieces = []
    for found in PIECE.finditer(create):
        if not found[0].isspace() and found[0][:2] not in {"--", "/*"}:
            pieces.append(Piece(found[0]))
            pieces[-1].start, pieces[-1].end = found.span()
    start = next((position for position, piece in enumerate(pieces) if piece == "("), None)
    if start is None:
        return [], []
    group = _group(pieces, start)
    return _split(group), pieces[start + len(group) + 2 :]


def _constraints_of(pieces: list[Piece], create: str) -> Iterator[DeclaredConstraint]:
    """Yield the constraints in one definition of a column or table constraint."""
    own: tuple[str, ...] = () if pieces[0].upper() in TABLE_CONSTRAINTS else (_unquoted(pieces[0]),)
    name, columns, position = None, own, len(own)
    while position < len(pieces):
        word, rest = pieces[position].upper(), pieces[position + 1 :]
        group = _group(pieces, position + 1) if rest[:1] == ["("] else []
        if word == "CONSTRAINT":
            name, position = _unquoted(rest[0]), position + 1
        elif word in {"PRIMARY", "UNIQUE"}:
            kind = "primary key" if word == "PRIMARY" else "unique constraint"
            start = position + (2 if word == "PRIMARY" else 1)
            yield DeclaredConstraint(kind, own or _names(_group(pieces, start)), "", "", name)
            name = None
        elif word == "CHECK":
            text = create[group[0].start : group[-1].end] if group else ""
            yield DeclaredConstraint("check", (), "", " ".join(text.split()), name)
            name = None
        elif word == "FOREIGN":
            columns = _names(_group(pieces, position + 2))
        elif word == "REFERENCES":
            match = re.search(r"(?<!NOT )DEFERRABLE( INITIALLY DEFERRED)?", " ".join(rest).upper())
            deferrable = match[0] if match else ""
            yield DeclaredConstraint("foreign key", columns, _unquoted(rest[0]), deferrable, name)
            name = None
        position += 1
        if pieces[position : position + 1] == ["("]:
            position += len(_group(pieces, position)) + 2


def _group(pieces: list[Piece], start: int) -> list[Piece]:
    """Return the tokens between the parenthesis at `start` and its closing parenthesis."""
    depth = 0
    for position in range(start, len(pieces)):
        depth += {"(": 1, ")": -1}.get(pieces[position], 0)
        if not depth:
            return pieces[start + 1 : position]
    return pieces[start + 1 :]


def _split(pieces: list[T]) -> list[list[T]]:
    parts: list[list[T]] = [[]]
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
    return tuple(_unquoted(part[0]) for part in _split(pieces))


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name[0] in "\"`['" else name


def columns_with(create: str, word: str) -> Iterator[tuple[str, str]]:
    """Yield the columns whose definition contains a keyword, with the token that follows it."""
    for definition in _definitions_and_options(create)[0]:
        if definition[0].upper() in TABLE_CONSTRAINTS:
            continue
        depth = 0
        for position, piece in enumerate(definition):
            depth += {"(": 1, ")": -1}.get(piece, 0)
            if position and not depth and piece.upper() == word:
                following = definition[position + 1 :]
                yield _unquoted(definition[0]), _unquoted(following[0]) if following else ""


def unnamed_checks(create: str) -> list[str]:
    """Return the conditions of the CHECKs that have no name."""
    return [each.text for each in declared_constraints(create) if each.kind == "check" and not each.name]


def mentions(condition: str, columns: Iterable[str]) -> bool:
    """Return whether a condition uses one of these columns."""
    words = {_unquoted(piece).lower() for piece in PIECE.findall(condition) if piece[0] != "'"}
    return not words.isdisjoint(column.lower() for column in columns)


def lost_features(before: str, after: str) -> list[str]:
    """Return the features that `before` has and `after` lacks, for the columns that exist in both.

    A CHECK without a name that uses a column goes with it.
    """
    old, new = unreflected_features(before), unreflected_features(after)
    kept = old.keys() & new.keys()
    lost = [
        f"{feature} of {owner}"
        for owner in kept
        for feature in old[owner] - new[owner]
        if not (feature.startswith("COLLATE") and "COLLATE" in " ".join(new[owner]))  # another one
    ]
    dropped = [owner.removeprefix("column ") for owner in old.keys() - new.keys()]
    conditions = {each.text for each in declared_constraints(after) if each.kind == "check"}
    lost += [
        f"an unnamed CHECK ({condition})"
        for condition in unnamed_checks(before)
        if condition not in conditions and not mentions(condition, dropped)
    ]
    return sorted(lost)


def unreflected_features(create: str) -> dict[str, set[str]]:
    """Return the features that SQLAlchemy does not reflect, of the table and of each column."""
    definitions, options = _definitions_and_options(create)
    features = {"the table": _find_features(TABLE_FEATURES, " ".join(options))}
    for definition in definitions:
        # A literal may contain anything.
        text = " ".join("''" if piece.startswith("'") else piece for piece in definition)
        if definition[0].upper() in TABLE_CONSTRAINTS:
            owner, pattern = "the table", ON_CONFLICT
        else:
            owner, pattern = f"column {_unquoted(definition[0]).lower()}", COLUMN_FEATURES
        features.setdefault(owner, set()).update(_find_features(pattern, text))
    return features


def _find_features(pattern: str, text: str) -> set[str]:
    """Return the features in upper case: neither keywords nor names of collations depend on the case."""
    return {feature.replace('"', "").upper() for feature in re.findall(pattern, text, re.IGNORECASE)}
