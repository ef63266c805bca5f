"""Alembic comparators, one module for each kind of object. They are registered in plugin.py."""
