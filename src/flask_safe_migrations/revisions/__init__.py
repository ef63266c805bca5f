"""The files in migrations/versions: read, listed, ordered and moved. Nothing here reaches a database."""
