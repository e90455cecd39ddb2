"""What the command's exit codes mean."""

from __future__ import annotations

from typing import Final

OK: Final = 0
FAILED: Final = 1
"""A run or a check of data failed."""
WRONG_PIPELINE: Final = 2
"""The pipeline is wrong: nothing was run."""
WRONG_USAGE: Final = 3
"""The command was used wrongly, its surroundings do not allow it, or trc has a bug."""
INTERRUPTED: Final = 130
"""Ended by Ctrl-C, as shells count it: 128 and the signal's number."""
BROKEN_PIPE: Final = 141
"""Nobody reads the output any more, as shells count it."""
