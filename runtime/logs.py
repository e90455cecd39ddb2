"""What attempts printed, read from the end."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_TAIL: Final = 20
_MOST_BYTES: Final = 64 * 1024


def tail(path: str, lines: int = _TAIL) -> str:
    """The last lines of a log file; nothing where there is none."""
    try:
        with Path(path).open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _MOST_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
