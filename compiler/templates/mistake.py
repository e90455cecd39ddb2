"""What is wrong with a template, at a place in its text."""

from __future__ import annotations


class Mistake(Exception):  # noqa: N818 - not an error of ours, but a finding
    """Ends the rendering of one text. `start` and `end` are characters of the template."""

    def __init__(
        self,
        message: str,
        start: int = 0,
        end: int | None = None,
        *,
        code: str = "TRC112",
        help: tuple[str, ...] = (),  # noqa: A002 - the field's name in a diagnostic
    ) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.code = code
        self.help = help


class Unsettled(Exception):  # noqa: N818 - not an error: nobody gave a value yet
    """A template needs a value that is not given; `name` is what it asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
