"""Whether the project's code is still what a pipeline was compiled from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from trc.compiler.pycode import module_digest
from trc.runtime.store.results import Identity

Code = Sequence[tuple[str, str]]
"""Files of the project by their relative paths, each with the digest of its tokens."""


class CodeWatch:
    """Compares code files with their digests; one that does not change on disk is read once."""

    def __init__(self, project: str, identity: Callable[[str], Identity | None]) -> None:
        self._project = project
        self._identity = identity
        self._seen: dict[str, tuple[Identity, str]] = {}

    def edited(self, code: Code) -> dict[str, str]:
        """The files that hold other code than `code` says, with the digests that they have now."""
        return {path: now for path, digest in code if (now := self._digest(path)) != digest}

    def _digest(self, path: str) -> str:
        absolute = f"{self._project}/{path}"
        try:
            identity = self._identity(absolute)
            known = self._seen.get(absolute)
            if identity is None:
                return "gone"
            if known is None or known[0] != identity:
                self._seen[absolute] = known = identity, module_digest(Path(absolute).read_bytes())
        except (OSError, SyntaxError):
            return "unreadable"
        return known[1]
