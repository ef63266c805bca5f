"""Writes models from tables, by sqlacodegen, in the way that models are written in this project."""

from collections.abc import Collection
from textwrap import indent
from typing import Any

from sqlacodegen.generators import Base, LiteralImport
from sqlacodegen.models import ColumnAttribute, Model, ModelClass, RelationshipAttribute
from sqlalchemy import CheckConstraint, Column, Connection, ForeignKey, Integer, MetaData, Table

from .reflection import snake
from .rendering import AtTable

# What every model has already.
RESERVED = {"db", "metadata", "query", "query_class", "registry"}


class Generator(AtTable):
    def __init__(
        self, metadata: MetaData, connection: Connection, bind: str | None, *, related: bool
    ) -> None:
        options = ["use_inflect", "nojoined", "nonativeenums", "nosyntheticenums", "include_dialect_options"]
        super().__init__(metadata, connection, options, base_class_name="db.Model")
        self.key, self.related = bind, related
        self.relating = False
        self.column: Column[Any] | None = None

    def generate_base(self) -> None:
        self.base = Base([LiteralImport("..database", "db")], [], "db.metadata")

    def fix_column_types(self, table: Table) -> None:
        """Not from CHECKs: an INTEGER that may be 0 or 1 stays one, and the CHECK stays."""
        checks = {found for found in table.constraints if isinstance(found, CheckConstraint)}
        table.constraints -= checks
        super().fix_column_types(table)
        table.constraints |= checks

    def generate_relationships(self, *arguments: Any) -> list[RelationshipAttribute]:
        return super().generate_relationships(*arguments) if self.related else []

    def generate_model_name(self, model: Model, global_names: set[str]) -> None:
        if isinstance(model, ModelClass):
            super().generate_model_name(model, global_names)
        else:
            model.name = self.find_free_name(snake(model.table.name), global_names | RESERVED)

    def generate_column_attr_name(
        self, column_attr: ColumnAttribute, global_names: set[str], local_names: set[str]
    ) -> None:
        name = snake(column_attr.column.name)
        column_attr.name = self.find_free_name(name, global_names | RESERVED, local_names)

    def generate_relationship_name(
        self, relationship: RelationshipAttribute, global_names: set[str], local_names: set[str]
    ) -> None:
        self.relating = True
        super().generate_relationship_name(relationship, global_names, local_names)
        self.relating = False

    def render_class(self, model: ModelClass) -> str:
        """The columns in their order: sqlacodegen has those first that are required."""
        parts = [
            self.render_class_variables(model),
            "\n".join(self.render_column_attribute(column) for column in model.columns),
            "\n".join(self.render_relationship(found) for found in model.relationships),
        ]
        return "\n".join(
            [
                self.render_class_declaration(model),
                "\n\n".join(indent(part, "    ") for part in parts if part),
            ]
        )

    def render_class_variables(self, model: ModelClass) -> str:
        key = f"__bind_key__ = {self.key!r}\n" if self.key else ""
        return key + super().render_class_variables(model)

    def render_column(self, column: Column[Any], show_name: bool, is_table: bool = False) -> str:
        self.column = column
        return super().render_column(column, show_name, is_table)

    def render_column_callable(self, is_table: bool, *args: Any, **kwargs: Any) -> str:
        column = self.column
        if column is not None and _counts_not(column):
            kwargs["autoincrement"] = False
        if column is not None and any(not _same_type(key, self.bind) for key in column.foreign_keys):
            kind = self.render_column_type(column)
            if kind not in args:  # a column takes its type from the one that it refers to
                place = 1 if args and args[0] == repr(column.name) else 0
                args = (*args[:place], kind, *args[place:])
        return super().render_column_callable(is_table, *args, **kwargs)

    def find_free_name(self, name: str, global_names: set[str], local_names: Collection[str] = ()) -> str:
        name = snake(name) if self.relating else name
        return super().find_free_name(name, global_names | RESERVED, local_names)


def _counts_not(column: Column[Any]) -> bool:
    """A single integer key that the database does not number would be numbered where nothing is said."""
    alone = column.primary_key and len(column.table.primary_key) == 1 and isinstance(column.type, Integer)
    return alone and column.autoincrement is False and not column.foreign_keys and not column.server_default


def _same_type(key: ForeignKey, bind: Any) -> bool:
    own, other = (column.type.compile(bind.dialect) for column in (key.parent, key.column))
    return bool(own == other)
