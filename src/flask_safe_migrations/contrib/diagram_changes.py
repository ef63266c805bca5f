"""Compares the tables before and after a revision: both in one diagram, with the state of each part."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from .diagram_tables import Box, Reference, Row

Tables = tuple[list[Box], list[Reference]]
ARROW = " → "
Key = TypeVar("Key")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Renames:
    """New names by old ones: tables, and columns of tables by the new name of the table."""

    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[tuple[str, str], str] = field(default_factory=dict)


def compare_tables(before: Tables, after: Tables, renames: Renames | None = None) -> Tables:
    """Return the union of both, in which everything that differs has a state.

    A column that has changed shows its old and its new type.
    """
    old_boxes, old_references = _rename(before, renames or Renames())
    boxes = []
    for name, old, new in _pair({box.name: box for box in old_boxes}, {box.name: box for box in after[0]}):
        if old and new:
            boxes.append(_compare_box(old, new))
        elif only := old or new:
            state = "added" if new else "removed"
            # The keys are among the columns.
            notes = [note for note in only.notes if not note.name.startswith(("primary key", "foreign key"))]
            notes = [replace(note, state=state) for note in notes]
            boxes.append(replace(only, name=name, state=state, notes=notes))
    old_keys = {_identify(each): each for each in old_references}
    new_keys = {_identify(each): each for each in after[1]}
    references = []
    for _, was, now in _pair(old_keys, new_keys):
        if only_one := now or was:
            state = "" if was and now else "added" if now else "removed"
            references.append(replace(only_one, state=state))
    return boxes, references


def select_changed(tables: Tables) -> Tables:
    """Return the changed tables, and of those that they refer to, or that refer to them, the keys only."""
    boxes, references = tables
    changed = {box.name for box in boxes if box.state} | {each.child for each in references if each.state}
    kept = [each for each in references if {each.parent, each.child} & changed]
    names = changed | {name for each in kept for name in (each.parent, each.child)}
    used = {(each.parent, name) for each in kept for name in each.parent_columns}
    used |= {(each.child, name) for each in kept for name in each.child_columns}
    selected = []
    for box in boxes:
        if box.name in changed:
            selected.append(box)
        elif box.name in names:
            rows = [row for row in box.rows if (box.name, row.name) in used or "PK" in row.keys]
            left_out = len(box.rows) - len(rows)
            more = [Row(f"… {left_out} more column{'' if left_out == 1 else 's'}", "")] if left_out else []
            selected.append(replace(box, rows=rows, notes=more))
    return selected, kept


def _compare_box(old: Box, new: Box) -> Box:
    rows = _pair({row.name: row for row in old.rows}, {row.name: row for row in new.rows})
    compared = [_compare_row(before, after) for _, before, after in rows]
    notes = [replace(row, state="removed") for row in old.notes if row not in new.notes]
    notes += [replace(row, state="added") for row in new.notes if row not in old.notes]
    if old.comment != new.comment:
        words = ARROW.join(comment or "none" for comment in (old.comment, new.comment))
        notes.append(Row(f"comment: {words}", "", state="changed"))
    state = "changed" if old.label or notes or any(row.state for row in compared) else ""
    return replace(new, rows=compared, state=state, notes=notes, label=old.label)


def _compare_row(old: Row | None, new: Row | None) -> Row:
    if new is None or old is None:
        only = new or old
        assert only is not None  # noqa: S101
        return replace(only, state="added" if new else "removed")
    words = []
    if old.nullable != new.nullable:
        words.append(ARROW.join("null" if row.nullable else "not null" for row in (old, new)))
    if old.default != new.default:
        words.append(f"default {ARROW.join(row.default or 'none' for row in (old, new))}")
    if old.comment != new.comment:
        words.append("another comment")
    if old.keys != new.keys:
        words.append(ARROW.join(row.keys or "no key" for row in (old, new)))
    if not words and (old.type, old.label) == (new.type, ""):
        return new
    type_ = new.type if old.type == new.type else f"{old.type}{ARROW}{new.type}"
    note = "; ".join(words) or ("null" if new.nullable else "")
    return replace(new, type=type_, state="changed", note=note, label=old.label)


def _rename(tables: Tables, renames: Renames) -> Tables:
    """Give tables and columns their new names, with both names as the label."""

    def column(table: str, name: str) -> str:
        return renames.columns.get((table, name), name)

    boxes = []
    for box in tables[0]:
        name = renames.tables.get(box.name, box.name)
        rows = [
            replace(row, name=column(name, row.name), label=f"{row.name}{ARROW}{column(name, row.name)}")
            if (name, row.name) in renames.columns
            else row
            for row in box.rows
        ]
        label = f"{box.name}{ARROW}{name}" if name != box.name else ""
        boxes.append(replace(box, name=name, rows=rows, label=label))
    references = []
    for each in tables[1]:
        parent, child = (renames.tables.get(name, name) for name in (each.parent, each.child))
        references.append(
            replace(
                each,
                parent=parent,
                child=child,
                parent_columns=tuple(column(parent, name) for name in each.parent_columns),
                child_columns=tuple(column(child, name) for name in each.child_columns),
            )
        )
    return boxes, references


def _identify(reference: Reference) -> tuple[object, ...]:
    return reference.parent, reference.parent_columns, reference.child, reference.child_columns


def _pair(old: Mapping[Key, Item], new: Mapping[Key, Item]) -> list[tuple[Key, Item | None, Item | None]]:
    """Pair what has the same key, in the order of `new`; what is only in `old` keeps its place."""
    order = list(new)
    place = 0
    for key in old:
        if key in new:
            place = order.index(key) + 1
        else:
            order.insert(place, key)
            place += 1
    return [(key, old.get(key), new.get(key)) for key in order]
