"""Calls URLs, and only those that may be called: an address is looked up once, checked, and then the one that is connected to."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Final, Self
from urllib.parse import urljoin

from trc.addresses import Allowed, Refused, Url, read_url
from trc.runtime.taskside.connecting import (
    Connection,
    Lookup,
    Unanswered,
    Waits,
    addresses_of,
    checked_addresses,
    connected,
    words,
)
from trc.runtime.taskside.records import record

REDIRECTS: Final = 3
"""How many redirects of one call are followed, all of them on the host that was called."""
_REPEATING: Final = frozenset({307, 308})
"""Redirects after which the same request is made again. After others a POST would become a GET: they are answers."""
_LONGEST_ANSWER: Final = 65_536


@record(frozen=True, slots=True)
class Answer:
    """What a server answered: the status, its headers by lower-case name, and the beginning of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


@dataclass(slots=True)
class Caller:
    """Posts to URLs, and keeps the last connection for the next call; a context, at whose end it is closed.

    No call takes longer than `within` seconds, but for the name's lookup, which the machine's resolver bounds. No proxy is asked, and no
    cookie is kept. An object of this class belongs to one thread.
    """

    allowed: Allowed
    within: float = 10.0
    lookup: Lookup = addresses_of
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context
    _kept: Connection | None = None
    _context: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection that was kept."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def post(self, text: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer to a POST. Raises Refused where that URL, or one that it redirects to, may not be called, and Unanswered."""
        deadline = time.monotonic() + self.within
        url = read_url(text, self.allowed)
        for _ in range(REDIRECTS + 1):
            answer = self._once(url, body, headers, deadline)
            if answer.status not in _REPEATING or "location" not in answer.headers:
                return answer
            url = self._redirected(url, answer.headers["location"])
        raise Unanswered(f'"{url.host}" redirects more than {REDIRECTS} times')

    def _redirected(self, url: Url, location: str) -> Url:
        try:
            there = read_url(urljoin(f"{url.origin}{url.target}", location).partition("#")[0], self.allowed)
        except (Refused, ValueError) as error:
            told = error.message if isinstance(error, Refused) else "this is no URL"
            raise Refused(f'"{url.host}" redirects to where trc does not call: {told}') from None
        if (there.host, there.port) != (url.host, url.port) or there.scheme != url.scheme:
            # What it was signed for, and what it tells, is for the endpoint that the author named.
            raise Refused(
                f'"{url.host}" redirects to {there.origin}, and a message goes to no other host', "name that one"
            )
        return there

    def _once(self, url: Url, body: bytes, headers: Mapping[str, str], deadline: float) -> Answer:
        kept, self._kept = self._kept, None
        if kept is not None and kept.origin == url.origin:
            kept.waits.at = deadline
            try:
                return self._exchange(kept, url, body, headers)
            except Unanswered:
                # It may have been closed at the other end long ago: that says nothing about the endpoint.
                if deadline - time.monotonic() <= 0:
                    raise
        elif kept is not None:
            kept.close()
        return self._exchange(self._connected(url, deadline), url, body, headers)

    def _exchange(self, connection: Connection, url: Url, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            connection.request("POST", url.target, body, {"Host": url.authority, **headers})
            answer = _read(connection.getresponse())
        except TimeoutError:
            connection.close()
            raise Unanswered(f'"{url.host}" did not answer within {self.within:g} s') from None
        except (OSError, HTTPException) as error:
            connection.close()
            raise Unanswered(f'"{url.host}" did not answer: {words(error)}') from None
        except BaseException:
            connection.close()
            raise
        if connection.sock is None or len(answer.body) >= _LONGEST_ANSWER:
            connection.close()
        else:
            self._kept = connection
        return answer

    def _connected(self, url: Url, deadline: float) -> Connection:
        if url.scheme == "https" and self._context is None:
            self._context = self.trust()
        addresses = checked_addresses(url, self.allowed, self.lookup)
        return connected(url, addresses, self._context, Waits(self.within, deadline))


def _read(response: HTTPResponse) -> Answer:
    """The answer, as far as anybody wants to read it."""
    try:
        body = response.read(_LONGEST_ANSWER)
    except IncompleteRead as error:
        body = error.partial
    headers = {name.lower(): value for name, value in response.getheaders()}
    if not response.isclosed() and len(body) < _LONGEST_ANSWER:
        response.close()
    return Answer(response.status, headers, body)
