"""Text as pages hold it: names, messages and values may hold any character, and none of it is markup."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from typing import Final

from trc.compiler.diagnostics.render.cells import visible

_NOT_TEXT: Final = re.compile("[\ufffe\uffff\ud800-\udfff]")


def safe(text: str) -> str:
    """The text with what cannot be seen made visible, and nothing in it that a browser would read as markup."""
    return escape(_NOT_TEXT.sub("\ufffd", "\n".join(visible(line) for line in text.split("\n"))))


def time(at: float | None) -> str:
    """A time of the epoch in UTC, for people and for programs; nothing where there is none."""
    if at is None:
        return ""
    moment = datetime.fromtimestamp(at, UTC)
    return f'<time datetime="{moment.isoformat(timespec="milliseconds")}">{moment:%Y-%m-%d %H:%M:%S} UTC</time>'
