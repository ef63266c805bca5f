"""Writes models from tables with sqlacodegen, in the form that models have in this project."""

import re
from collections.abc import Collection
from textwrap import indent
from typing import Any

from sqlacodegen.generators import Base, DeclarativeGenerator, LiteralImport
from sqlacodegen.models import ColumnAttribute, Model, ModelClass, RelationshipAttribute
from sqlacodegen.utils import render_callable, uses_default_name
from sqlalchemy import CheckConstraint, Column, Connection, ForeignKey, Index, Integer, MetaData, Table
from sqlalchemy.sql.elements import TextClause, conv

from .reflection import snake_case

# Attributes that every model has already.
RESERVED = {"db", "metadata", "query", "query_class", "registry"}
# An expression of an index, and its order.
INDEX_ORDER = re.compile(r"(.*?)((?: (?:ASC|DESC))?(?: NULLS (?:FIRST|LAST))?)", re.DOTALL)
# Options of a table, with their defaults.
TABLE_OPTIONS = {"sqlite_autoincrement": False, "sqlite_with_rowid": True, "sqlite_strict": False}


class Generator(DeclarativeGenerator):
    """Overrides the public methods of sqlacodegen 4."""

    def __init__(
        self, metadata: MetaData, connection: Connection, bind_key: str | None, *, with_relationships: bool
    ) -> None:
        options = ["use_inflect", "nojoined", "nonativeenums", "nosyntheticenums", "include_dialect_options"]
        super().__init__(metadata, connection, options, base_class_name="db.Model")
        self.bind_key, self.with_relationships = bind_key, with_relationships
        self.is_naming_relationship = False
        # The column that is being rendered.
        self.current_column: Column[Any] | None = None

    def generate_base(self) -> None:
        self.base = Base([LiteralImport("..database", "db")], [], "db.metadata")

    def fix_column_types(self, table: Table) -> None:
        """Ignore CHECKs: an INTEGER whose CHECK allows 0 and 1 does not become a Boolean."""
        checks = {constraint for constraint in table.constraints if isinstance(constraint, CheckConstraint)}
        table.constraints -= checks
        super().fix_column_types(table)
        table.constraints |= checks

    def generate_relationships(self, *arguments: Any) -> list[RelationshipAttribute]:
        return super().generate_relationships(*arguments) if self.with_relationships else []

    def generate_model_name(self, model: Model, global_names: set[str]) -> None:
        if isinstance(model, ModelClass):
            super().generate_model_name(model, global_names)
        else:
            model.name = self.find_free_name(snake_case(model.table.name), global_names | RESERVED)

    def generate_column_attr_name(
        self, column_attr: ColumnAttribute, global_names: set[str], local_names: set[str]
    ) -> None:
        name = snake_case(column_attr.column.name)
        column_attr.name = self.find_free_name(name, global_names | RESERVED, local_names)

    def generate_relationship_name(
        self, relationship: RelationshipAttribute, global_names: set[str], local_names: set[str]
    ) -> None:
        self.is_naming_relationship = True
        super().generate_relationship_name(relationship, global_names, local_names)
        self.is_naming_relationship = False

    def render_class(self, model: ModelClass) -> str:
        """Keep the order of the columns: sqlacodegen puts required ones first."""
        parts = [
            self.render_class_variables(model),
            "\n".join(self.render_column_attribute(column) for column in model.columns),
            "\n".join(self.render_relationship(relationship) for relationship in model.relationships),
        ]
        return "\n".join(
            [
                self.render_class_declaration(model),
                "\n\n".join(indent(part, "    ") for part in parts if part),
            ]
        )

    def render_class_variables(self, model: ModelClass) -> str:
        key = f"__bind_key__ = {self.bind_key!r}\n" if self.bind_key else ""
        return key + super().render_class_variables(model)

    def render_column(self, column: Column[Any], show_name: bool, is_table: bool = False) -> str:
        self.current_column = column
        return super().render_column(column, show_name, is_table)

    def render_column_callable(self, is_table: bool, *args: Any, **kwargs: Any) -> str:
        column = self.current_column
        if column is not None and _lacks_autoincrement(column):
            kwargs["autoincrement"] = False
        if column is not None and any(not _has_same_type(key, self.bind) for key in column.foreign_keys):
            column_type = self.render_column_type(column)
            if column_type not in args:  # without one, a column gets the type of the column it refers to
                position = 1 if args and args[0] == repr(column.name) else 0
                args = (*args[:position], column_type, *args[position:])
        return super().render_column_callable(is_table, *args, **kwargs)

    def find_free_name(self, name: str, global_names: set[str], local_names: Collection[str] = ()) -> str:
        name = snake_case(name) if self.is_naming_relationship else name
        return super().find_free_name(name, global_names | RESERVED, local_names)

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
        """Write only the options of a table that are not defaults."""
        if isinstance(obj, Table):
            for name, default in TABLE_OPTIONS.items():
                value = obj.dialect_kwargs.get(name, default)
                if value != default:
                    target_kwargs[name] = value if values_for_dict else repr(value)

    def render_table(self, table: Table) -> str:
        text = super().render_table(table)
        if key := self._primary_key(table):
            text = f"{text[:-2]},\n    {key}\n)"
        if not self.bind_key:
            return text
        text = text.replace("db.metadata,", "", 1).replace("Table(", "db.Table(", 1)
        return f"{text[:-2]},\n    bind_key={self.bind_key!r}\n)"

    def _primary_key(self, table: Table) -> str | None:
        """Return the primary key if its columns are in another order than those of the table."""
        columns = [column.name for column in table.primary_key]
        if columns == [column.name for column in table.columns if column.name in columns]:
            return None
        if not uses_default_name(table.primary_key):
            return None  # sqlacodegen writes it
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
        classes = dict(options.pop("postgresql_ops", {}))  # SQLAlchemy supports these for columns only
        expressions = [self._index_expression(item, index, classes) for item in index.expressions]
        arguments = {
            key: self._text(value, index) if hasattr(value, "compile") else repr(value)
            for key, value in options.items()
        }
        if classes:
            arguments["postgresql_ops"] = repr(classes)
        if index.unique:
            arguments["unique"] = "True"
        return render_callable("Index", repr(index.name), *expressions, kwargs=arguments)

    def _index_expression(self, expression: Any, index: Index, classes: dict[str, str]) -> str:
        if isinstance(expression, Column):
            return repr(expression.name)
        sql, order = INDEX_ORDER.fullmatch(self._sql(expression, index)).groups(default="")  # type: ignore[union-attr]
        operator_class = classes.pop(sql, None)
        self.add_literal_import("sqlalchemy", "text")
        text = f"{sql} {operator_class}{order}" if operator_class else sql + order
        return f"text({text!r})"

    def _text(self, clause: Any, index: Index) -> str:
        self.add_literal_import("sqlalchemy", "text")
        return f"text({self._sql(clause, index)!r})"

    def _sql(self, clause: Any, index: Index) -> str:
        sql = clause.text if isinstance(clause, TextClause) else str(clause.compile(self.bind))
        return str(sql.replace(f"{index.table.name}.", ""))  # type: ignore[union-attr]


def _lacks_autoincrement(column: Column[Any]) -> bool:
    """Whether it is a single integer key without generated values, which SQLAlchemy would generate."""
    if not column.primary_key or len(column.table.primary_key) != 1 or not isinstance(column.type, Integer):
        return False
    return column.autoincrement is False and not column.foreign_keys and not column.server_default


def _has_same_type(key: ForeignKey, bind: Any) -> bool:
    own, other = (column.type.compile(bind.dialect) for column in (key.parent, key.column))
    return bool(own == other)
