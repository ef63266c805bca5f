"""`flask db browse`: shows the tables of a database in a web page, with Flask-Admin.

Of the maintained packages, only Flask-Admin supports all three databases with the drivers of a project.
"""
