"""The names that tie a project together on disk."""

from __future__ import annotations

PROJECT_FILE = "trc.toml"
"""Marks a project's folder, and holds its settings."""

STATE_FOLDER = ".trc"
"""Holds a project's state; data for others never lies in it."""
