"""Attempts run on a Ray cluster: one that is started for the run, or one that is there."""

from trc.backends.ray.backend import RayBackend

__all__ = ["RayBackend"]
