"""A command, run by the shell or directly."""
