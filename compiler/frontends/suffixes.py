"""The endings of pipelines' files, by which they are found and read."""

from __future__ import annotations

from typing import Final

DSL: Final = ".trc"
YAML: Final = (".yaml", ".yml")
READ: Final = (DSL, *YAML)
"""The endings of the files that hold pipelines to be read."""
CODE: Final = ".py"
"""The ending of those that are run, to tell what pipeline they build."""
