"""What needs a package of its own, installed as an extra."""
