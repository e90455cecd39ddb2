"""A question of the editor: a place in a document, with what is known of the document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lsprotocol.types import Location
from pygls.uris import from_fs_path

from trc.compiler.compile import Compiled
from trc.compiler.source import Span
from trc.lsp.text import Text
from trc.workspace import Checked, Workspace


@dataclass(frozen=True, slots=True)
class Ask:
    """`offset` is the place, in characters; 0 where the question is about the document as a whole."""

    uri: str
    text: Text
    offset: int
    checked: Checked
    workspace: Workspace
    text_of: Callable[[str], Text | None]

    @property
    def compiled(self) -> Compiled:
        return self.checked.compiled

    @property
    def known(self) -> Compiled | None:
        """What the text last was when it could be understood."""
        return self.checked.good

    @property
    def path(self) -> str:
        """The document's file, as spans name it."""
        return str(self.checked.path)

    def is_own(self, span: Span) -> bool:
        """Whether a span lies in this document: one file can bring in others."""
        return span.file == self.path

    def covers(self, span: Span | None) -> bool:
        """Whether the place lies in a span of this document, its end included."""
        return span is not None and self.is_own(span) and span.start <= self.offset <= span.end

    def location(self, span: Span) -> Location | None:
        """A place as the editor opens it."""
        if self.is_own(span):
            return Location(self.uri, self.text.range_of(span))
        text = self.text_of(span.file)
        return Location(address(span.file), text.range_of(span)) if text else None


def address(file: str | Path) -> str:
    """A file's URI."""
    return from_fs_path(str(file)) or Path(file).as_uri()
