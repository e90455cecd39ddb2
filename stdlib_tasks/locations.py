"""Locations as parameters: web addresses, objects on S3 and files, checked when the pipeline is."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator

from trc.addresses import is_signed
from trc.compiler.ir.uris import is_glob, is_remote

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_WHOLE_BUCKET: Final = re.compile(r"s3://[^/]+")
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS: Final = frozenset(
    {"host", "range", "if-range", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect"}
)
_SECRET: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


def check_s3_uri(value: str) -> str:
    """The value itself; raises ValueError unless it is `s3://bucket/key`."""
    match = re.fullmatch(r"s3://([^/]*)/(.+)", value, re.DOTALL)
    if match is None:
        raise ValueError(f'"{value}" is not the location of an object; write it like s3://bucket/key')
    if not _BUCKET.fullmatch(match[1]):
        raise ValueError(f'"{match[1]}" is no name for a bucket: 3 to 63 lower-case letters, digits, dots and dashes')
    return value


def check_location(value: str) -> str:
    """The value itself; raises ValueError unless it is a path of this machine, or `s3://bucket/key`."""
    if not value.strip():
        raise ValueError("an empty text names nothing")
    if value.startswith("s3://"):
        return check_s3_uri(value)
    if is_remote(value):
        raise ValueError(f'"{value}" is neither a file nor an object; write a path, or s3://bucket/key')
    return value


def check_place(value: str) -> str:
    """The value itself; raises ValueError unless it is a folder, or `s3://bucket` with or without a prefix."""
    if is_glob(value):
        raise ValueError(f'"{value}" is a pattern; name the folder, and what is wanted of it with include')
    check_location(value + "/all" if _WHOLE_BUCKET.fullmatch(value.rstrip("/")) else value)
    if value.startswith("s3://") and "//" in value[5:].rstrip("/"):
        raise ValueError(f'"{value}" has an empty part, which no folder can have')
    return value


def check_prefix(value: str) -> str:
    """The value itself; raises ValueError unless it is `s3://bucket`, with or without a prefix."""
    if not value.startswith("s3://"):
        raise ValueError(f'"{value}" is no place on S3; write it like s3://bucket/prefix/')
    return check_place(value)


def check_patterns(value: list[str]) -> list[str]:
    """The value itself; raises ValueError unless all are patterns of names below a place."""
    if not all(one.strip() for one in value):
        raise ValueError("an empty text names nothing")
    wrong = next((one for one in value if one.startswith("/") or "://" in one), None)
    if wrong is not None:
        raise ValueError(f'"{wrong}" is no name below the source; write it like **/*.csv')
    return value


def check_web_url(value: str) -> str:
    """The value itself; raises ValueError unless it is an address of the web that tells nothing secret."""
    try:
        parts = urlsplit(value)
        host, user = parts.hostname, parts.username
    except ValueError as error:
        raise ValueError(f'"{value}" is not an address of the web: {error}') from None
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", value):
        raise ValueError(f'"{value}" is not an address of the web; write it like https://host/path')
    if user is not None:
        raise ValueError("an address holds no user name or password: plans and logs would show them")
    if is_signed(value):
        raise ValueError("an address holds no signature: plans and logs would show it, and it is another one each time")
    return value


def check_headers(value: dict[str, str]) -> dict[str, str]:
    """The value itself; raises ValueError for what is no header, is set by trc, or holds what nobody else should see."""
    for name, text in value.items():
        if not _HEADER.fullmatch(name) or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text) or not text.isascii():
            raise ValueError(f'"{name}" is no header that can be sent: names are words, values are one line of ASCII')
        if name.lower() in _OURS:
            raise ValueError(f'the header "{name}" is set by trc')
    return value


def check_open_headers(value: dict[str, str]) -> dict[str, str]:
    """As `check_headers`, where plans show the values."""
    told = next((name for name in value if name.lower() in _SECRET), None)
    if told is not None:
        raise ValueError(f'the header "{told}" holds a secret, which plans and logs would show')
    return check_headers(value)


S3Uri = Annotated[str, AfterValidator(check_s3_uri)]
Location = Annotated[str, AfterValidator(check_location)]
Place = Annotated[str, AfterValidator(check_place)]
S3Prefix = Annotated[str, AfterValidator(check_prefix)]
Patterns = Annotated[list[str], AfterValidator(check_patterns)]
WebUrl = Annotated[str, AfterValidator(check_web_url)]
OpenHeaders = Annotated[dict[str, str], AfterValidator(check_open_headers)]
