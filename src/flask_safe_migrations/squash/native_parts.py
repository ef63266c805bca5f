"""Indexes, constraints and sequences of a table in the engine's own words; all else of it stays portable."""

import re

DIFFERENT = re.compile(
    r"(?P<kind>index|(?:unique |fulltext |spatial )?key|(?:check |unique )?constraint|sequence) "
    r"(?P<place>.+?)(?P<how> is missing| is left over| was .*)",
    re.DOTALL,
)
COUNTED = re.compile(r"column .* was .*default nextval\(.*, is .*default nextval\(.*", re.DOTALL)


def in_words(making: dict[str, str], told: list[str]) -> dict[str, str]:
    """Return by name what makes the parts that differ; nothing where more than such parts differs."""
    found: dict[str, str] = {}
    sequences: dict[str, str] = {}
    for sentence in told:
        match = DIFFERENT.fullmatch(sentence)
        if COUNTED.fullmatch(sentence):
            continue
        if match is None:
            return {}
        name = match["place"].rpartition(".")[2]
        if match["kind"] == "sequence":
            sequences[match["how"].strip()] = name
            continue
        if match["how"] == " is left over" or name not in making:
            return {}
        found[name] = making[name]
    if sequences:
        if sequences.keys() != {"is missing", "is left over"}:
            return {}
        old, new = sequences["is missing"], sequences["is left over"]
        found[old] = f"ALTER SEQUENCE {new} RENAME TO {old}"
    return found
