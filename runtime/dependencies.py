"""What an answer about a pipeline's file depends on beside its own text, and whether that is as it was."""

from __future__ import annotations

from dataclasses import dataclass

from trc.runtime.looks import Looks, Stamps, text_digest
from trc.runtime.standing import FOR_EVER, boot


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the compiler looked at, and when its answer holds.

    `seen` are files of the project with their digests (None where there was none), `listed` patterns with
    those of the names that they cover, `texts` other files, `columns` files and globs whose columns were
    asked for, `code` files of task types. Times are seconds since the epoch: the answer was `given` at one,
    and holds from `since` to `until`. What is told by stamps is told within one `boot` of the machine.
    """

    given: float
    boot: str
    seen: tuple[tuple[str, str | None], ...] = ()
    listed: tuple[tuple[str, str], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    columns: tuple[tuple[str, Stamps], ...] = ()
    code: Stamps = ()
    since: float = 0.0
    until: float = FOR_EVER

    def hold(self, project: str, looks: Looks, now: float) -> bool:
        """Whether a compilation at `now` would find all of it again."""
        return (
            max(self.given, self.since) <= now < self.until
            and (self.boot == boot() if self.columns or self.code else True)
            and all(looks.content(project, name) == found for name, found in self.seen)
            and all(looks.listing(project, pattern) == found for pattern, found in self.listed)
            and all(_text(looks, path) == found for path, found in self.texts)
            and all(looks.files(uri) == found for uri, found in self.columns)
            and all(looks.stamp(path) == found for path, found in self.code)
        )


def _text(looks: Looks, path: str) -> str | None:
    found = looks.text(path)
    return None if found is None else text_digest(found.text)
