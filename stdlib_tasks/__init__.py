"""The task types that come with trc: a folder each, `type.py` for the compiler and `run.py` for the task's side."""
