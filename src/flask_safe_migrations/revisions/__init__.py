"""The files in migrations/versions: parsed, listed, sorted and moved. Nothing here uses a database."""
