"""`flask db browse`: the tables of a database in a web page, shown by Flask-Admin.

Of the well-kept packages it alone shows all three engines, and by the drivers that the project has anyway.
"""
