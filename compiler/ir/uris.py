"""Locations of datasets: one spelling for each, and which ones a glob covers."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePath
from typing import Final

from trc.patterns import is_matched

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


def is_git(uri: str) -> bool:
    """Whether `uri` is a reference of a Git repository on the web, `git+https://host/path#ref`."""
    return uri.startswith("git+") and is_web(uri[4:])


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
    return uri == glob or is_matched(glob, uri)


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
