"""How sqlacodegen is to write constraints, indexes and what else stands at the end of a table."""

import re
from typing import Any

from sqlacodegen.generators import DeclarativeGenerator
from sqlacodegen.utils import render_callable, uses_default_name
from sqlalchemy import CheckConstraint, Column, Index, Table
from sqlalchemy.sql.elements import TextClause, conv

# Of a part of an index: what stands behind the expression.
ORDER = re.compile(r"(.*?)((?: (?:ASC|DESC))?(?: NULLS (?:FIRST|LAST))?)", re.DOTALL)
# Of a table, where they differ from what is so without them.
OPTIONS = {"sqlite_autoincrement": False, "sqlite_with_rowid": True, "sqlite_strict": False}


class AtTable(DeclarativeGenerator):
    """As a subclass: what it overrides is public in sqlacodegen 4."""

    # Of SQLALCHEMY_BINDS; None for the default database.
    key: str | None

    def render_table_args(self, table: Table) -> str:
        text = super().render_table_args(table)
        if text.startswith("{"):
            text = f"({text},)"
        if key := self._primary_key(table):
            text = f"({key}, {text[1:] or ')'}"
        return text

    def _add_dialect_kwargs_and_info(
        self, obj: Any, target_kwargs: dict[str, object], *, values_for_dict: bool
    ) -> None:
        """Of all options only those that matter; where nothing is said, sqlacodegen asks for none."""
        if isinstance(obj, Table):
            for name, usual in OPTIONS.items():
                value = obj.dialect_kwargs.get(name, usual)
                if value != usual:
                    target_kwargs[name] = value if values_for_dict else repr(value)

    def render_table(self, table: Table) -> str:
        text = super().render_table(table)
        if key := self._primary_key(table):
            text = f"{text[:-2]},\n    {key}\n)"
        if not self.key:
            return text
        text = text.replace("db.metadata,", "", 1).replace("Table(", "db.Table(", 1)
        return f"{text[:-2]},\n    bind_key={self.key!r}\n)"

    def _primary_key(self, table: Table) -> str | None:
        """Its columns may come in another order than those of the table."""
        columns = [column.name for column in table.primary_key]
        if columns == [column.name for column in table.columns if column.name in columns]:
            return None
        if not uses_default_name(table.primary_key):
            return None  # it is written out anyway
        self.add_literal_import("sqlalchemy", "PrimaryKeyConstraint")
        return render_callable("PrimaryKeyConstraint", *map(repr, columns))

    def render_constraint(self, constraint: Any) -> str:
        if not isinstance(constraint, CheckConstraint):
            text = super().render_constraint(constraint)
            return f"{text[:-1]}, use_alter=True)" if getattr(constraint, "use_alter", False) else text
        sql = constraint.sqltext
        condition = sql.text if isinstance(sql, TextClause) else str(sql)
        name = repr(str(constraint.name))
        if isinstance(constraint.name, conv):
            self.add_literal_import("sqlalchemy.schema", "conv")
            name = f"conv({name})"
        return render_callable("CheckConstraint", repr(condition), kwargs={"name": name})

    def render_index(self, index: Index) -> str:
        options = {
            key: value for key, value in index.dialect_kwargs.items() if value not in (None, [], {}, False)
        }
        classes = dict(options.pop("postgresql_ops", {}))  # SQLAlchemy knows them of columns only
        parts = [self._part(part, index, classes) for part in index.expressions]
        said = {
            key: self._text(value, index) if hasattr(value, "compile") else repr(value)
            for key, value in options.items()
        }
        if classes:
            said["postgresql_ops"] = repr(classes)
        if index.unique:
            said["unique"] = "True"
        return render_callable("Index", repr(index.name), *parts, kwargs=said)

    def _part(self, part: Any, index: Index, classes: dict[str, str]) -> str:
        if isinstance(part, Column):
            return repr(part.name)
        sql, order = ORDER.fullmatch(self._sql(part, index)).groups(default="")  # type: ignore[union-attr]
        own = classes.pop(sql, None)
        self.add_literal_import("sqlalchemy", "text")
        text = f"{sql} {own}{order}" if own else sql + order
        return f"text({text!r})"

    def _text(self, clause: Any, index: Index) -> str:
        self.add_literal_import("sqlalchemy", "text")
        return f"text({self._sql(clause, index)!r})"

    def _sql(self, clause: Any, index: Index) -> str:
        sql = clause.text if isinstance(clause, TextClause) else str(clause.compile(self.bind))
        return str(sql.replace(f"{index.table.name}.", ""))  # type: ignore[union-attr]
