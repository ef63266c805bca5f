"""The name that a naming convention requires of a CHECK constraint, and how a missing one is reported.

Without it, SQLAlchemy raises InvalidRequestError, which names neither the table nor the constraint: for a
CheckConstraint already when the models are imported.
https://docs.sqlalchemy.org/en/21/core/constraints.html#naming-check-constraints
"""

from typing import Any

from click import ClickException


class UnnamedCheckError(ClickException):
    """A CHECK constraint has no name. The `flask` command prints the sentence, whatever the command."""


class RequiredName:
    """The token `constraint_name` of a naming convention."""

    def __call__(self, constraint: Any, table: Any) -> str:
        if not isinstance(constraint.name, str):  # None, or a marker for the CHECK of a type
            raise UnnamedCheckError(describe_unnamed(constraint, table))
        return str(constraint.name)

    def __repr__(self) -> str:
        return "RequiredName()"  # the convention is part of the key of the shadow database


def describe_unnamed(constraint: Any, table: Any) -> str:
    """Return one sentence about a CHECK without a name. It shows where the name belongs."""
    from . import _compat  # only for an error: it imports Alembic

    for column in table.columns:
        kind = type(getattr(column.type, "impl_instance", column.type)).__name__
        if _compat.belongs_to_type(constraint) and column in set(constraint.columns):
            return (
                f"The CHECK of column {table.fullname}.{column.name} has no name, so no revision could "
                f'change it: {kind}(…, name="{column.name}").'
            )
    return (
        f"A CHECK of table {table.fullname} has no name, so no revision could change it: "
        f'CheckConstraint("{constraint.sqltext}", name="…").'
    )
