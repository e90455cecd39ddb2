"""Locations as parameters: web addresses and objects on S3, checked when the pipeline is."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def check_s3_uri(value: str) -> str:
    """The value itself; raises ValueError unless it is `s3://bucket/key`."""
    match = re.fullmatch(r"s3://([^/]*)/(.+)", value, re.DOTALL)
    if match is None:
        raise ValueError(f'"{value}" is not the location of an object; write it like s3://bucket/key')
    if not _BUCKET.fullmatch(match[1]):
        raise ValueError(f'"{match[1]}" is no name for a bucket: 3 to 63 lower-case letters, digits, dots and dashes')
    return value


def check_web_url(value: str) -> str:
    """The value itself; raises ValueError unless it is an address of the web without a password in it."""
    try:
        parts = urlsplit(value)
        host, user = parts.hostname, parts.username
    except ValueError as error:
        raise ValueError(f'"{value}" is not an address of the web: {error}') from None
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", value):
        raise ValueError(f'"{value}" is not an address of the web; write it like https://host/path')
    if user is not None:
        raise ValueError("an address holds no user name or password: plans and logs would show them")
    return value


S3Uri = Annotated[str, AfterValidator(check_s3_uri)]
WebUrl = Annotated[str, AfterValidator(check_web_url)]
