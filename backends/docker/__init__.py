"""Attempts run in containers, each environment in an image of its own."""

from trc.backends.docker.backend import DockerBackend

__all__ = ["DockerBackend"]
