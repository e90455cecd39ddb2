"""The endings of pipelines' files, by what becomes of them."""

from __future__ import annotations

from typing import Final

SUFFIXES: Final = (".trc", ".yaml", ".yml")
"""The endings of the files that hold pipelines to be read."""
CODE: Final = ".py"
"""The ending of those that are run, to tell what pipeline they build."""
