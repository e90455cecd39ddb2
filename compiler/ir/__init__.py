"""The typed intermediate representation: what a pipeline is, however it was written."""
