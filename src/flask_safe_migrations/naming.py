"""Give every constraint a name, so that a later revision can drop or change it on every engine."""

# column_0_N includes all columns. Otherwise two constraints of a table could get the same name.
# https://docs.sqlalchemy.org/en/21/core/constraints.html#configuring-constraint-naming-conventions
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
