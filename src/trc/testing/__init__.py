"""The tests of pipelines: their rows given to an empty database, their queries run there, what these yield compared."""
