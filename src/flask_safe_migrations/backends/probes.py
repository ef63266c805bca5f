"""Finds out which views, routines and triggers work, to report those that a revision breaks.

An engine checks some of them only when they are used. So each statement in them is prepared without being
executed, before and after the revision. Code may contain what cannot be prepared outside of it. Therefore
such a statement is reported only if it could be prepared before.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Literals, comments, quoted names, words with their qualifiers, and single characters.
PIECE = re.compile(
    r"""'(?:[^'\\]|''|\\.)*'|--[^\n]*|/\*.*?\*/|\s+|(?:[\w$@]+|`[^`]*`|"[^"]*")(?:\.(?:[\w$]+|`[^`]*`|"[^"]*"))*|.""",
    re.DOTALL,
)
DECLARED = re.compile(r"\bDECLARE\s+(\w+(?:\s*,\s*\w+)*)", re.IGNORECASE)
# In PL/pgSQL, one DECLARE introduces several declarations, each ended by a semicolon.
DECLARE_SECTION = re.compile(r"\bDECLARE\b(.*?)\bBEGIN\b", re.IGNORECASE | re.DOTALL)
LOOP_VARIABLE = re.compile(r"\bFOR\s+(\w+)\s+IN\b", re.IGNORECASE)
ROW_COLUMN = re.compile(r"""\b(?:NEW|OLD)\.[`"]?(\w+)""", re.IGNORECASE)
QUERIES = {"SELECT", "WITH"}
CHANGES = {"INSERT", "UPDATE", "DELETE", "REPLACE"}
BEFORE_A_STATEMENT = {"", ";", "BEGIN", "THEN", "ELSE", "DO", "LOOP", "QUERY"}
INSERTS = {"INSERT", "REPLACE", "IGNORE", "MERGE"}


@dataclass(frozen=True)
class Probe:
    """One object, or one statement in it.

    :param certain: whether an error means that the object is broken, also if it is new.
    """

    name: str
    part: str = ""
    certain: bool = False


# The error of each probe, or None if it succeeded.
Probes = dict[Probe, str | None]


def find_broken(before: Probes, after: Probes) -> list[str]:
    """Return the objects that work before, or are new, and do not work after, each with the reason."""
    found: dict[str, str] = {}
    for probe, error in after.items():
        worked = before[probe] is None if probe in before else probe.certain
        if error and worked:
            found.setdefault(probe.name, error)
    return [f"{name} ({error})" for name, error in found.items()]


def find_row_columns(code: str) -> set[str]:
    """Return the columns that the code of a trigger reads or sets in the row: NEW.nick, OLD.nick."""
    return {column.lower() for column in ROW_COLUMN.findall(_without_literals(code))}


def find_statements(code: str, variables: Iterable[str] = ()) -> list[str]:
    """Return the statements in the code of a routine or trigger, with NULL in the place of its variables.

    :param variables: the parameters of the routine. Declared variables are found in the code.
    """
    names = {name.lower() for name in variables} | set(_find_variables(code))
    pieces = [piece for piece in PIECE.findall(code) if not piece.startswith(("--", "/*"))]
    statements = []
    place = 0
    previous = ""
    while place < len(pieces):
        word = pieces[place].upper()
        if word in QUERIES or (word in CHANGES and previous in BEFORE_A_STATEMENT):
            end = _find_end(pieces, place)
            statements.append("".join(_without_variables(pieces[place:end], names)).strip())
            place, previous = end, ""
            continue
        previous = previous if word.isspace() else word
        place += 1
    return statements


def _find_variables(code: str) -> Iterator[str]:
    code = _without_literals(code)
    for names in DECLARED.findall(code):
        yield from (name.strip().lower() for name in names.split(","))
    for section in DECLARE_SECTION.findall(code):
        for declaration in section.split(";"):
            if words := declaration.split():
                yield words[0].lower()
    yield from (name.lower() for name in LOOP_VARIABLE.findall(code))


def _without_literals(code: str) -> str:
    return "".join(
        "''" if piece.startswith("'") else "" if piece.startswith(("--", "/*")) else piece
        for piece in PIECE.findall(code)
    )


def _find_end(pieces: list[str], start: int) -> int:
    """Return the place of the semicolon, of the closing parenthesis or of the keyword after a statement."""
    depth = cases = 0
    for place in range(start, len(pieces)):
        word = pieces[place].upper()
        depth += {"(": 1, ")": -1}.get(word, 0)
        cases += {"CASE": 1, "END": -1}.get(word, 0)
        if depth < 0 or (depth == 0 and (word == ";" or (cases == 0 and word in {"LOOP", "THEN"}))):
            return place
    return len(pieces)


def _without_variables(pieces: list[str], names: set[str]) -> Iterator[str]:
    """Yield the pieces with NULL for variables and columns of NEW and OLD, and without INTO variables."""
    names = names | {"new", "old"}
    into = False
    last = ""
    for piece in pieces:
        word = piece.upper()
        if word == "INTO" and last not in INSERTS:
            into, last = True, ""
            continue
        if into and (piece.isspace() or (last in {"", ","}) or piece == ","):
            last = last if piece.isspace() else "," if piece == "," else "name"
            last = "" if word == "STRICT" else last
            continue
        if into:
            into = False
            yield " "
        first = piece.partition(".")[0].strip('`"').lower()
        yield "NULL" if first in names and last != "AS" else piece
        last = last if piece.isspace() else word
