"""A class or function of the project, run in a process of its own."""
