"""Lineage as it is recorded: what attempts read and wrote, and through which of them a dataset came to be."""
