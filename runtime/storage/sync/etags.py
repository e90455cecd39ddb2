"""Whether a file's bytes are those that an object's ETag tells of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Final

from trc.runtime.storage.errors import unreadable

PART: Final = 8 << 20
"""Bytes of a part, as of AWS's own tools: equal files have equal ETags, whoever sent them."""
MOST_PARTS: Final = 10_000
_OTHERS: Final = (16 << 20, 5 << 20, 64 << 20)
"""What else is usual."""
_CHUNK: Final = 1 << 20
_ETAG: Final = re.compile(r"[0-9a-f]{32}(?:-([0-9]+))?")


def part_of(size: int) -> int:
    """The size of a part, by that of the file alone."""
    part = PART
    while part * MOST_PARTS < size:
        part *= 2
    return part


def has_etag(path: str, size: int, etag: str) -> bool | None:
    """Whether the file has it; None where that cannot be told from an ETag of this kind."""
    match = _ETAG.fullmatch(etag)
    if match is None:
        return None
    if match[1] is None:
        return _digest(path, 0, size).hex() == etag
    count = int(match[1])
    fitting = [part for part in dict.fromkeys((part_of(size), *_OTHERS)) if max(1, -(-size // part)) == count]
    if not fitting:
        return None
    # Who sent the same bytes in parts of an unusual size has them moved once more, which does no harm.
    return any(_joined(path, size, part) == etag for part in fitting)


def is_digest(etag: str) -> bool:
    """Whether it looks like the MD5 of all bytes."""
    return "-" not in etag and _ETAG.fullmatch(etag) is not None


def _joined(path: str, size: int, part: int) -> str:
    digests = [_digest(path, start, min(part, size - start)) for start in range(0, size, part)]
    return f"{md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


def _digest(path: str, start: int, size: int) -> bytes:
    digest = md5(usedforsecurity=False)
    try:
        for chunk in _chunks(path, start, size):
            digest.update(chunk)
    except OSError as error:
        raise unreadable(error, path) from error
    return digest.digest()


def _chunks(path: str, start: int, size: int) -> Iterator[bytes]:
    with Path(path).open("rb", buffering=0) as file:
        file.seek(start)
        while size > 0:
            chunk = file.read(min(_CHUNK, size))
            if not chunk:
                return
            yield chunk
            size -= len(chunk)
