"""Each row of SEEDS.md, what the founding documents describe, has a test whose name carries its number."""

import ast
import re

from project import TEMPLATE

ROWS = {"E": 5, "D": 11, "U": 3, "X": 4, "P": 11}  # E1 to E5, D1 to D11, …


def test_every_row_of_the_founding_documents_has_a_test() -> None:
    names = [
        node.name
        for path in (TEMPLATE / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    carried = {part for name in names for part in name.split("_") if re.fullmatch(r"[A-Z]\d+", part)}
    wanted = [f"{letter}{number}" for letter, count in ROWS.items() for number in range(1, count + 1)]
    assert [row for row in wanted if row not in carried] == []
