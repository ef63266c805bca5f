"""One file for each thing that is compared: an Alembic comparator, registered in plugin.py."""
