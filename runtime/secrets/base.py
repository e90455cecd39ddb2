"""What fetches secrets, and how it says that it could not."""

from __future__ import annotations

from dataclasses import field
from typing import Final, Literal, Protocol

from trc.runtime.taskside.records import record

Reason = Literal["secret_missing", "secret_unreachable", "secret_unusable", "secret_package"]

LONGEST: Final = 65_536
"""Bytes that a value may have: what AWS Secrets Manager keeps at most."""


@record(frozen=True, slots=True)
class Fetched:
    """A secret's value, and the version of it where its provider numbers them."""

    value: str = field(repr=False)
    version: str | None = None


class Unavailable(Exception):  # noqa: N818 - an outcome: the task's, not the program's
    """There is no value to be had. `message` never holds what a provider answered: that may be the value.

    Further lines of the message say what to do.
    """

    def __init__(self, message: str, reason: Reason, *help_lines: str) -> None:
        super().__init__("\n".join((message, *help_lines)))
        self.message = "\n".join((message, *help_lines))
        self.reason: Reason = reason

    @property
    def is_temporary(self) -> bool:
        return self.reason == "secret_unreachable"


class Provider(Protocol):
    """One place where secrets lie. What it is asked for is what stands behind the colon of a reference."""

    def version(self, reference: str) -> str | None:
        """Names the value that the secret has now, without fetching it; None where nobody numbers them.

        Raises Unavailable.
        """
        ...

    def fetch(self, reference: str, version: str | None) -> Fetched:
        """The value of that version; of the one that it has now, for None. Raises Unavailable."""
        ...
