"""How a task says whether trying again can help."""

from __future__ import annotations


class TemporaryError(Exception):
    """The attempt failed for a reason that may pass: it is retried while attempts are left."""


class PermanentError(Exception):
    """The attempt failed for good: it is not retried."""
