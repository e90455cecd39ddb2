"""What runs inside a task's own environment: the standard library alone, Python 3.9 and later."""
