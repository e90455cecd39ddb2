"""Rows out of a database, as a dataset."""
