"""Keeps a message on one line and short, whatever the names that it quotes hold."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 400


def one_line(message: str) -> str:
    """The message with control characters and line breaks written as escapes, cut after 400 characters."""
    if len(message) > LONGEST:
        message = f"{message[: LONGEST - 3]}..."
    if message.isprintable():
        return message
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in message
    )
