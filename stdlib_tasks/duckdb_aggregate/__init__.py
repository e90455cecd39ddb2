"""Measures by dimensions: an aggregation that is said, and compiled to SQL."""
