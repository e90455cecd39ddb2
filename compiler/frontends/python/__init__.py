"""The Python front end: a pipeline that a program built, as the tree that every front end yields."""
