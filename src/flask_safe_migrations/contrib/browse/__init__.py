"""`flask db browse`: shows the tables of a database in web pages.

The pages are templates over SQLAlchemy's reflection, because no maintained package fits: Datasette and
sqlite-web are for SQLite only, pgAdmin and pgweb for PostgreSQL only, DbGate needs Node, and sqladmin and
starlette-admin need models and another web server. Flask-Admin supports all three databases, but it counts
every table whole, has no form fields for some types, and would need new templates for all pages.
"""
