"""Locations of datasets: one spelling for each, and which ones a glob covers."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from pathlib import PurePath
from typing import Final

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SAME_STORE: Final = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
_WEB: Final = ("http", "https")


def normalise(uri: str, project: str | PurePath) -> str:
    """The one spelling of `uri`: an absolute path, or a URI with its scheme.

    A relative path is relative to `project`. The rest of an object's URI stays as it is: keys are
    names, and `a//b` and `a/./b` are other keys than `a/b`. Links are not followed.
    """
    path = local_path(uri)
    if path is None:
        return _normalise_remote(uri)
    # Two leading slashes would survive: POSIX lets them mean something else.
    return posixpath.normpath(posixpath.join(str(project), path)).replace("//", "/")


def is_remote(uri: str) -> bool:
    """Whether `uri` names something that is not a file of this machine."""
    return local_path(uri) is None


def is_web(uri: str) -> bool:
    """Whether `uri` is an address of the web."""
    scheme = _SCHEME.match(uri)
    return scheme is not None and scheme[1].lower() in _WEB


def local_path(uri: str) -> str | None:
    """The path in a `file:` URI or a plain path; None for anything remote."""
    if uri[:5].lower() == "file:":
        path = uri[5:]
        return re.sub(r"^//(?:localhost)?(?=/)|^//", "", path)
    return None if _SCHEME.match(uri) else uri


def is_glob(uri: str) -> bool:
    """Whether `uri` is a pattern, as DuckDB sees it: a `*`, `?` or `[` that no backslash precedes.

    A question mark begins a web address's query; nothing lists what lies at a web address.
    """
    # Most are plain: they are told from patterns without a look at each character's neighbour.
    if ("*" not in uri and "?" not in uri and "[" not in uri) or is_web(uri):
        return False
    return re.search(r"[*?\[]", re.sub(r"\\.", "", uri)) is not None


def covers(glob: str, uri: str) -> bool:
    """Whether the pattern `glob` may read `uri`, by DuckDB's rules; both are normalised.

    One that matches nothing is taken for a file's name, so that each covers its own spelling, too.
    """
    return uri == glob or _pattern(glob).fullmatch(uri.encode("utf-8", "surrogatepass")) is not None


def fixed_prefix(glob: str) -> str:
    """The folders before a pattern's first wildcard: all that it covers lies below them."""
    wildcard = re.search(r"[*?\[\\]", glob)
    return glob[: glob.rfind("/", 0, wildcard.start()) + 1] if wildcard else glob


def _normalise_remote(uri: str) -> str:
    scheme, rest = uri.split("://", 1)
    scheme = scheme.lower()
    if scheme in _WEB:
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host.lower()}{slash}{path}"
    return f"{_SAME_STORE.get(scheme, scheme)}://{rest}"


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> re.Pattern[bytes]:
    """DuckDB matches bytes, folder by folder; `**` crosses folders only where it stands alone."""
    components = glob.encode("utf-8", "surrogatepass").split(b"/")
    last = len(components) - 1
    regex = b""
    for index, component in enumerate(components):
        if component == b"**":
            regex += b".*" if index == last else b"(?:[^/]*/)*"
        else:
            regex += _component(component) + (b"" if index == last else b"/")
    return re.compile(regex, re.DOTALL)


def _component(text: bytes) -> bytes:
    regex, index = b"", 0
    while index < len(text):
        char = text[index : index + 1]
        index += 1
        if char == b"*":
            regex += b"[^/]*"
        elif char == b"?":
            regex += b"[^/]"
        elif char == b"[":
            matched, index = _bracket(text, index)
            regex += matched
        elif char == b"\\" and index < len(text):
            regex += re.escape(text[index : index + 1])
            index += 1
        else:
            regex += re.escape(char)
    return regex


_NOTHING: Final = b"(?!)"


def _bracket(text: bytes, index: int) -> tuple[bytes, int]:
    """The class after a `[`, and where it ends; one that does not close matches nothing."""
    negated = text[index : index + 1] == b"!"
    start = index = index + negated
    members = b""
    while index < len(text):
        if text[index : index + 1] == b"]" and index > start:
            if not members:
                return (b"[^/]" if negated else _NOTHING), index + 1
            return b"(?!/)[" + (b"^" if negated else b"") + members + b"]", index + 1
        if text[index + 1 : index + 2] == b"-" and index + 2 < len(text):
            low, high = text[index : index + 1], text[index + 2 : index + 3]
            # A range that runs backwards holds nothing.
            members += re.escape(low) + b"-" + re.escape(high) if low <= high else b""
            index += 3
        else:
            members += re.escape(text[index : index + 1])
            index += 1
    return _NOTHING, len(text)
