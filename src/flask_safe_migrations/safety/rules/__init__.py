"""The rules of the safety report, by engine; their messages stand in messages.py."""
