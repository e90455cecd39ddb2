"""A query as DuckDB gets it, with the way back to the author's text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d]\w*")


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


def with_casts(prepared: Prepared, kinds: Mapping[str, str], nulls: Collection[str] = ()) -> Prepared:
    """The query with each of these parameters, which are called by their names without `$`, cast to a type.

    Those that are among `nulls` stand for no value.
    """
    encoded = prepared.text.encode()
    parts: list[str] = []
    starts = list(prepared.starts)
    done = grown = 0
    for start, end, name in _parameters(encoded):
        if name not in kinds:
            continue
        before, written = encoded[done:start].decode(), encoded[start:end].decode()
        cast = f"CAST({written} AS {kinds[name]})"
        # A constant that is NULL makes a NULL without a type of what is computed with it; a query's answer does not.
        parts += [before, f"(SELECT {cast})" if name in nulls else cast]
        here, more = len(encoded[:start].decode()), len(parts[-1]) - len(written)
        starts = [(at + more if at > here + grown else at, there) for at, there in starts]
        starts += [
            (here + grown, prepared.author_offset(here)),
            (here + grown + len(parts[-1]), prepared.author_offset(here + len(written))),
        ]
        done, grown = end, grown + more
    parts.append(encoded[done:].decode())
    return Prepared("".join(parts), tuple(sorted(set(starts))))


def _parameters(encoded: bytes) -> Iterator[tuple[int, int, str]]:
    """Where the named parameters of a query stand, in bytes, and what they are called."""
    import duckdb

    offsets = [offset for offset, _kind in duckdb.tokenize(encoded.decode())]
    for offset, after in zip(offsets, offsets[1:]):
        if encoded[offset : offset + 1] == b"$" and after == offset + 1:
            name = _WORD.match(encoded[after:].decode())
            if name is not None:
                yield offset, after + len(name.group().encode()), name.group()
