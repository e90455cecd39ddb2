"""Where a state store on PostgreSQL is. An address holds no password, and is shown without the user's name."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from trc.runtime.taskside.records import record

SCHEMES: Final = ("postgresql", "postgres")
SCHEMA: Final = "trc"
"""The schema of the database that the tables lie in, where the address names none."""
EXAMPLE: Final = "postgresql://host/database"

_PASSWORDS: Final = ("password", "sslpassword")
_OURS: Final = "schema"
_NAME: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")


@record(frozen=True, slots=True)
class Address:
    """A database, in words of libpq, and the schema there that is ours."""

    url: str
    schema: str = SCHEMA

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        given = [(name, value) for name, value in parse_qsl(parts.query) if name != "user"]
        if self.schema != SCHEMA:
            given.append((_OURS, self.schema))
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return f"{shown}?{urlencode(given, quote_via=quote, safe='/')}" if given else shown


class WrongAddress(ValueError):  # noqa: N818 - a user's mistake, told as one
    """What is wrong with an address, and the remedy. Neither repeats it: it may hold a password."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def is_address(text: str) -> bool:
    """Whether a text is meant as the address of a database of PostgreSQL."""
    return text.partition(":")[0].lower() in SCHEMES and "://" in text


def address_of(text: str) -> Address:
    """The address that a text is; raises WrongAddress."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise WrongAddress("this is not the address of a database", f"write {EXAMPLE}") from None
    if parts.scheme not in SCHEMES or parts.fragment:
        raise WrongAddress("this is not the address of a database of PostgreSQL", f"write {EXAMPLE}")
    given = parse_qsl(parts.query, keep_blank_values=True)
    if ":" in parts.netloc.rpartition("@")[0] or any(name in _PASSWORDS for name, _ in given):
        raise WrongAddress(
            "a password stands in the address of the state",
            'take it out: PGPASSWORD, a password file or a service has it, or `[state] password = "env:NAME"`',
        )
    schema = next((value for name, value in given if name == _OURS), SCHEMA)
    if not _NAME.fullmatch(schema):
        raise WrongAddress(
            f'"{schema}" is no name for the schema of the state', "use small letters, digits and _ : schema=shop"
        )
    query = urlencode([(name, value) for name, value in given if name != _OURS], quote_via=quote, safe="/")
    # By hand: the library writes one of no host without the slashes.
    url = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return Address(f"{url}?{query}" if query else url, schema)
