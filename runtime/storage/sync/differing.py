"""What differs between two sides, and so has to be moved or removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from trc.runtime.storage.sync.etags import has_etag, is_digest
from trc.runtime.storage.sync.items import Item, Items
from trc.runtime.taskside.records import record

Compare = Literal["content", "time"]
Everyone = Callable[[Callable[[Item], bool], Iterable[Item]], Iterable[bool]]
"""Asks the same of many items, some of them beside each other; answers in their order."""


@record(frozen=True, slots=True)
class Differences:
    """`moved` are items of the source, `removed` those of the target that it has no more."""

    moved: tuple[Item, ...]
    removed: tuple[Item, ...]
    unchanged: int


def differences(source: Items, target: Items, compare: Compare, everyone: Everyone) -> Differences:
    """What has to be done for the target to hold what the source holds."""
    both = [item for name, item in source.items() if name in target]
    same = {
        item.name
        for item, is_equal in zip(both, everyone(lambda item: is_same(item, target[item.name], compare), both))
        if is_equal
    }
    moved = tuple(item for name, item in sorted(source.items()) if name not in same)
    removed = tuple(item for name, item in sorted(target.items()) if name not in source)
    return Differences(moved, removed, len(same))


def is_same(source: Item, target: Item, compare: Compare) -> bool:
    """By size, and then by what the bytes are, as far as ETags tell; else the target must not be older than the source."""
    if source.size != target.size:
        return False
    if compare == "content":
        known = _have_equal_bytes(source, target)
        if known is not None:
            return known
    return target.modified >= source.modified


def _have_equal_bytes(source: Item, target: Item) -> bool | None:
    if source.is_object and target.is_object:
        if source.etag == target.etag:
            return True
        return False if is_digest(source.etag) and is_digest(target.etag) else None
    held, file = (source, target) if source.is_object else (target, source)
    return has_etag(file.place, file.size, held.etag)
