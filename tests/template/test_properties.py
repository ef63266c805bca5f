"""Any models to any others and back: equal schemas each time, and equal rows in what both have."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from project import ENGINES, Bake, BakedProject, rewrite

# Each takes seconds, for it goes through the real commands.
EXAMPLES = int(os.environ.get("EXAMPLES", "6"))
# Of each kind of column: the types it may have, narrow to wide, and what two rows hold.
KINDS = {
    "amount": (["Integer", "BigInteger"], "7", "8"),
    "title": (["String(20)", "String(40)"], "'seven'", "'eight'"),
    "price": (["Numeric(8, 2)", "Numeric(12, 2)"], "7.5", "8.5"),
    "open": (["Boolean"], "true", "false"),
    "day": (["Date"], "'2026-11-21'", "'2026-11-22'"),
}
# Each may refer to the one before it.
TABLES = ["customers", "orders", "items"]


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    nullable: bool
    index: bool
    unique: bool

    def __str__(self) -> str:
        options = f"nullable={self.nullable}, index={self.index}, unique={self.unique}"
        return f'sa.Column("{self.name}", sa.{self.kind}, {options})'


@dataclass(frozen=True)
class Table:
    columns: list[Column]
    refers: str | None

    def get(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    @property
    def names(self) -> set[str]:
        return {column.name for column in self.columns} | ({"parent"} if self.refers else set())


State = dict[str, Table]


@st.composite
def states(draw: st.DrawFn, *, later: bool) -> State:
    """A later one has the widest types: what is narrowed may not fit, which is another test's matter."""
    state: State = {}
    for number, name in enumerate(TABLES):
        if not draw(st.booleans()) and not (state or number < len(TABLES) - 1):
            continue
        columns = []
        for column in draw(st.lists(st.sampled_from(sorted(KINDS)), unique=True, max_size=4)):
            kinds = KINDS[column][0]
            nullable = draw(st.booleans())
            # All rows that are there get the same value for a new column; and there are two booleans only.
            unique = draw(st.booleans()) and column != "open" and (nullable or not later)
            kind = kinds[-1] if later else draw(st.sampled_from(kinds))
            columns.append(Column(column, kind, nullable, draw(st.booleans()), unique))
        before = TABLES[number - 1] if number and TABLES[number - 1] in state else None
        state[name] = Table(columns, before if draw(st.booleans()) else None)
    return state


def models(state: State) -> str:
    lines = ["import sqlalchemy as sa", "", "from ..database import db", ""]
    for name, table in state.items():
        parts = ['sa.Column("id", sa.Integer, primary_key=True)', 'sa.Column("size", sa.Integer)']
        parts += [*map(str, table.columns), 'sa.CheckConstraint("size > 0", name="positive")']
        if table.refers:
            parts.append(f'sa.Column("parent", sa.ForeignKey("{table.refers}.id"), index=True)')
        lines.append(f'sa.Table("{name}", db.metadata, {", ".join(parts)})')
    return "\n".join(lines) + "\n"


def answers(old: State, new: State) -> str:
    """What is gone is dropped; what is required gets a value for the rows that are there."""
    answers = [f"--drop {name}" for name in old.keys() - new.keys()]
    for name in old.keys() & new.keys():
        answers += [f"--drop {name}.{column}" for column in old[name].names - new[name].names]
        for column in new[name].columns:
            was = old[name].get(column.name)
            if not column.nullable and (was is None or was.nullable):
                answers.append(f"--default {name}.{column.name}={KINDS[column.name][1].strip(chr(39))}")
    return " ".join(sorted(answers))


def select(project: BakedProject, table: str, columns: list[str]) -> list[str]:
    names = ", ".join(["id", *(quoted(project, name) for name in columns)])
    return [str(row) for row in project.sql(f"SELECT {names} FROM {table} ORDER BY id")]


def quoted(project: BakedProject, name: str) -> str:
    return f"`{name}`" if "mariadb" in project.url else f'"{name}"'


def fill(project: BakedProject, state: State) -> None:
    """A row with a value everywhere, and one with as few as there can be."""
    for name, table in state.items():
        for number in (1, 2):
            values = {
                column.name: KINDS[column.name][number]
                for column in table.columns
                if number == 1 or not column.nullable
            } | ({"parent": "1"} if table.refers else {})
            names = ", ".join(["id", *(quoted(project, column) for column in values)])
            project.sql(f"INSERT INTO {name} ({names}) VALUES ({', '.join([str(number), *values.values()])})")


def start_again(project: BakedProject, number: int) -> None:
    for path in project.versions:
        if "baseline" not in path.name:
            path.unlink()
    address = project.url.rpartition("/")[0]
    project.env["DATABASE_URL"] = f"{address}/example_{number}_dev"
    if project.url.startswith("sqlite"):
        project.env["DATABASE_URL"] = f"sqlite:///{project.path}/instance/example_{number}_dev.db"


@pytest.mark.parametrize("engine", ENGINES)
def test_any_models_to_any_others_and_back(engine: str, on: Bake) -> None:
    project = on(engine, example_models=False)
    tried = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],  # making a case smaller takes longer than reading it
        suppress_health_check=list(HealthCheck),
    )
    @given(states(later=False), states(later=True))
    def check(old: State, new: State) -> None:
        nonlocal tried
        # The one value for all that are without would be there already.
        assume(not any(became_required(old[t], new[t], c.name) for t, c in uniques(old) if t in new))
        tried += 1
        start_again(project, tried)
        file = project.models / "any.py"
        rewrite(file, models(old))
        project.make("newmigration", "m=old")
        project.make("migrate")
        fill(project, old)
        both = {name: sorted(old[name].names & new[name].names) for name in old.keys() & new.keys()}
        before = {name: select(project, name, sorted(table.names)) for name, table in old.items()}
        kept = {name: select(project, name, columns) for name, columns in both.items()}

        rewrite(file, models(new))
        there = set(project.versions)
        out = project.make("newmigration", "m=new", f"args={answers(old, new)}").out
        if "Nothing to migrate" in out:
            assert models(old) == models(new)
            return
        assert "Proved: up, down and up again" in out, out
        project.make("migrate")
        assert "No new upgrade operations" in project.flask("db", "check").out
        for name, columns in both.items():
            if not [column for column in columns if became_required(old[name], new[name], column)]:
                assert select(project, name, columns) == kept[name], name
        project.make("rollback")
        rewrite(file, models(old))
        (set(project.versions) - there).pop().unlink()
        assert "No new upgrade operations" in project.flask("db", "check").out
        for name in both:
            if old[name].names <= new[name].names and not [
                column for column in old[name].names if became_required(old[name], new[name], column)
            ]:
                assert select(project, name, sorted(old[name].names)) == before[name], name

    check()


def uniques(state: State) -> Iterator[tuple[str, Column]]:
    return ((name, column) for name, table in state.items() for column in table.columns if column.unique)


def became_required(old: Table, new: Table, name: str) -> bool:
    """Then a row without a value has got one."""
    was, is_now = old.get(name), new.get(name)
    return bool(was and is_now and was.nullable and not is_now.nullable)
