"""What keeps a backend from running attempts."""

from __future__ import annotations

import re
from typing import Final

from trc.runtime.taskside.result import Failure

_PASSWORD: Final = re.compile(r"://[^/\s@]*@")


class Trouble(Exception):  # noqa: N818 - a fact of where attempts run, told as a failure
    """What keeps attempts from running. The lines after the first of its message are remedies."""

    def __init__(self, reason: str, *lines: str, is_temporary: bool = False) -> None:
        super().__init__(_PASSWORD.sub("://", "\n".join(lines)))
        self.reason = reason
        self.is_temporary = is_temporary

    @property
    def failure(self) -> Failure:
        """As an attempt that could not be."""
        return Failure(str(self), "temporary" if self.is_temporary else "permanent", self.reason)
