"""Where in the author's code a call stands, and through which argument of it a value came."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType
from typing import Union

Step = Union[str, int, tuple[str, int, str]]
"""A key or an index into what was written, or the argument `("argument", its position, its name)`."""
_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
_DEEPEST = 24
NAME_OF_FUNCTION = "def"
"""The step from a decorator to the name of what it decorates."""


class Call:
    """A call of trc in the author's code: the frames that led to it, innermost first."""

    __slots__ = ("frames",)

    def __init__(self, frames: tuple[tuple[CodeType, int, int], ...]) -> None:
        self.frames = frames
        """Each with its last instruction and its line."""


class Spot:
    """A call, or what one reaches from its arguments by `path`."""

    __slots__ = ("call", "path")

    def __init__(self, call: Call, path: tuple[Step, ...] = ()) -> None:
        self.call = call
        self.path = path

    def argument(self, position: int, name: str) -> Spot:
        """The call's argument; -1 for one that can be given by its name only."""
        return Spot(self.call, (("argument", position, name),))

    def at(self, step: Step) -> Spot:
        return Spot(self.call, (*self.path, step))


def here() -> Spot:
    """The call of trc that the author's code has just made."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - it is what the function is for
    frames: list[tuple[CodeType, int, int]] = []
    while frame is not None and len(frames) < _DEEPEST:
        file = frame.f_code.co_filename
        if not file.startswith(_OWN) and not file.startswith("<frozen"):
            frames.append((frame.f_code, frame.f_lasti, frame.f_lineno))
        frame = frame.f_back
    return Spot(Call(tuple(frames)))
