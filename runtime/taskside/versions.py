"""Which version of a resource a web server has: by its ETag, else by its date."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from trc.runtime.taskside.records import record


@record(frozen=True)
class WebVersion:
    """What a server says of a resource, in its headers; `size` is in bytes, None where it does not say."""

    etag: str = ""
    modified: str = ""
    size: int | None = None
    pin: str = ""
    """What asks for the rest of exactly these bytes (`If-Range`); empty where nothing can."""

    @property
    def told(self) -> str:
        """What tells it from others: its ETag, as the server wrote it, else its date; empty where the server tells neither."""
        return self.etag or self.modified


def version_of(headers: Mapping[str, str], *, is_part: bool = False) -> WebVersion:
    """The version that an answer is of; `is_part` says that it is only a range of it."""
    etag, modified = headers.get("etag", "").strip(), headers.get("last-modified", "").strip()
    size = total_of(headers.get("content-range", "")) if is_part else _number(headers.get("content-length", ""))
    pin = etag if etag.startswith('"') else modified if not etag and _is_settled(modified, headers) else ""
    return WebVersion(etag, modified, size, pin)


def total_of(content_range: str) -> int | None:
    """The size of the whole, of which `bytes 0-9/100` is a part."""
    return _number(content_range.rpartition("/")[2])


def start_of(content_range: str) -> int | None:
    """Where the part begins."""
    unit, _, span = content_range.partition(" ")
    return _number(span.partition("-")[0]) if unit == "bytes" else None


def is_same(known: str, found: WebVersion) -> bool:
    """Whether an answer is of the version that was `known`; where nothing was, or nothing is told, nobody can say otherwise."""
    if not known or not found.told:
        return True
    return _plain(known) in (_plain(found.etag), found.modified)


def _plain(etag: str) -> str:
    """Without the mark that says that equal ones are equal in meaning and not in bytes: who compresses on the way adds it."""
    return etag.removeprefix("W/")


def _is_settled(modified: str, headers: Mapping[str, str]) -> bool:
    """Whether a date tells bytes apart: it lies a second or more before the answer was made (RFC 9110, 8.8.2.2)."""
    try:
        return (parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(modified)).total_seconds() >= 1
    except (KeyError, TypeError, ValueError, IndexError):
        return False


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
