"""What a look at the state found."""

from __future__ import annotations

from typing import Any, Literal

from trc.runtime.taskside.records import record

Level = Literal["ok", "warn", "error"]


@record(frozen=True, slots=True)
class Finding:
    """One line: `check` is a stable name of what was looked at; `remedy` is there unless all is well.

    `pipeline`, `task` and `path` name what it is about, where that is one thing.
    """

    check: str
    level: Level
    text: str
    remedy: str = ""
    pipeline: str = ""
    task: str = ""
    path: str = ""

    def to_json(self) -> dict[str, Any]:
        """As commands print it; None for what does not apply."""
        return {
            "check": self.check,
            "level": self.level,
            "text": self.text,
            "remedy": self.remedy or None,
            "pipeline": self.pipeline or None,
            "task": self.task or None,
            "path": self.path or None,
        }


def ok(check: str, text: str) -> Finding:
    return Finding(check, "ok", text)
