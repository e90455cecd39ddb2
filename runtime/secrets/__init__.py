"""Fetches the values of secrets where an attempt is about to begin; nothing here writes one down."""
