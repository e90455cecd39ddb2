"""A query as DuckDB gets it, with the way back to the author's text."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True)
class Prepared:
    """The text that DuckDB gets, and where its parts stand in the author's: `(offset here, offset there)`."""

    text: str
    starts: tuple[tuple[int, int], ...] = ((0, 0),)

    def author_offset(self, offset: int) -> int:
        """Where a character of `text` stands in the author's query; a path put in stands where its name was."""
        index = bisect_right([here for here, _there in self.starts], offset) - 1
        here, there = self.starts[max(index, 0)]
        following = self.starts[index + 1][1] if index + 1 < len(self.starts) else None
        author = there + max(offset - here, 0)
        return author if following is None else min(author, following)
