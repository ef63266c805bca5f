"""The migration workflow. What you edit stands in versions/; env.py is the door to the database."""
