"""Runs a pipeline as it is written and as the passes have it, and compares what comes out."""
