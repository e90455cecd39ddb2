"""What a backend can do, as data: the compiler checks a pipeline against it and imports no backend."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The constructs that a backend carries out; all else of its kind is refused before anything runs.

    `supports` names constructs by their path in a task, such as `environment.image`; `unenforced`
    maps constructs that are accepted but not enforced to the reason, which is told as a warning;
    `remedies` says what helps against some of those that are refused.
    """

    backend: str
    supports: frozenset[str] = frozenset()
    unenforced: dict[str, str] = field(default_factory=dict[str, str])
    remedies: dict[str, str] = field(default_factory=dict[str, str])
