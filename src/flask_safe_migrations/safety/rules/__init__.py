"""The rules of the safety report, by engine; their messages are in messages.py."""
