"""The embedded default: attempts run in warm worker processes on this machine."""

from trc.backends.local.backend import LocalBackend

__all__ = ["LocalBackend"]
