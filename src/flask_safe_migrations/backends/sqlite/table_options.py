"""Reads the stored CREATE TABLE for features that SQLAlchemy cannot reflect and a rebuild would lose."""

import re
from collections.abc import Iterator

# Literals and comments may contain anything and are removed. Quoted names are kept.
NOISE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
TABLE_LEVEL = re.compile(r"(CONSTRAINT|PRIMARY\s+KEY|UNIQUE|CHECK|FOREIGN\s+KEY)\b", re.IGNORECASE)
NAME = re.compile(r'"(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`|[^\s(]+')
# Features of a column, and of a whole table.
IN_COLUMN = r"COLLATE\s+\S+|ON\s+CONFLICT\s+\w+|AUTOINCREMENT|ON\s+(?:DELETE|UPDATE)\s+(?:SET\s+)?\w+"
BEHIND = r"WITHOUT\s+ROWID|STRICT"


def split(text: str) -> list[str]:
    """Split at commas outside of parentheses and quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'`":
            quote = character
        else:
            depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def lost_features(before: str, after: str) -> list[str]:
    """Return the features that `before` has and `after` lacks, for the columns that exist in both."""
    old, new = features(before), features(after)
    kept = old.keys() & new.keys()
    return sorted(f"{feature} of {place}" for place in kept for feature in old[place] - new[place])


def features(create: str) -> dict[str, set[str]]:
    """Return the features that SQLAlchemy does not reflect, of the table and of each column."""
    text = NOISE.sub("''", create)
    body, _, behind = text.partition("(")[2].rpartition(")")
    features = {"the table": set(_normal(re.findall(BEHIND, behind, re.IGNORECASE)))}
    for part in split(body):
        if TABLE_LEVEL.match(part):
            found = re.findall(r"ON\s+CONFLICT\s+\w+", part, re.IGNORECASE)
            if re.match(r"CHECK\b", part, re.IGNORECASE):
                found.append("an unnamed CHECK")
            features["the table"] |= set(_normal(found))
        else:
            name = NAME.match(part)
            column = name[0].strip('"[]`').lower() if name else part
            found = re.findall(IN_COLUMN, part, re.IGNORECASE)
            if re.search(r"(?<!\w)CHECK\s*\(", re.sub(r"CONSTRAINT\s+\S+\s+CHECK", "", part), re.IGNORECASE):
                found.append("an unnamed CHECK")
            features[f"column {column}"] = set(_normal(found))
    return features


def _normal(found: list[str]) -> Iterator[str]:
    return (" ".join(feature.split()).replace('"', "") for feature in found)
