"""Pipelines in Python: what an author builds here becomes the tree that every front end yields.

Like the task side, this is the standard library alone on Python 3.9 and later: one file may hold a pipeline
and the code of its tasks, and the tasks' own process imports it too.
"""
