"""Requests to web servers, at checked addresses alone: redirects are followed, bodies are read as they come."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any
from urllib.parse import urljoin

from trc.addresses import Allowed, Refused, Url, network_of, read_url
from trc.runtime.taskside.connecting import (
    Connection,
    Lookup,
    Trust,
    Unanswered,
    Waits,
    addresses_of,
    checked_addresses,
    connected,
    words,
)
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.result import Failure

REDIRECTS = 5
IDLE = 60.0
"""Seconds that a server may be silent."""
_MOVED = frozenset({301, 302, 303, 307, 308})
_REPEATING = frozenset({307, 308})
_READING = ("GET", "HEAD")
_CHUNK = 1 << 18
_GONE = frozenset({404, 410})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 509})

AGENT = "trc"


class Answer:
    """What a server answered: its status, its headers by lower-case name, and a body that is read once."""

    def __init__(self, url: Url, response: HTTPResponse, connection: Connection) -> None:
        self.host = url.host
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self._response = response
        self._connection = connection

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece. Raises Cut where it ends before it should; what was read until then has been answered."""
        while True:
            try:
                chunk = self._response.read(_CHUNK)
            except IncompleteRead as error:
                if error.partial:
                    yield error.partial
                raise Cut(f'"{self.host}" ended its answer too early') from None
            except TimeoutError:
                raise Cut(f'"{self.host}" sent nothing for {self._connection.waits.within:g} s') from None
            except (OSError, HTTPException) as error:
                raise Cut(f'"{self.host}" broke off its answer: {words(error)}') from None
            if not chunk:
                return
            yield chunk

    def beginning(self, size: int) -> bytes:
        """The first bytes of the body, as far as they came."""
        held = b""
        try:
            for chunk in self.chunks():
                held += chunk
                if len(held) >= size:
                    break
        except Cut:
            pass
        return held[:size]

    def close(self) -> None:
        self._response.close()
        self._connection.close()


class Cut(Exception):  # noqa: N818 - an outcome of a transfer
    """A body ended before it should: the rest can be asked for."""


class _Unheard(Unanswered):
    """A request was sent, and what became of it is not known."""


class Web:
    """Sends requests, each over a connection of its own. No proxy is asked, and no cookie is kept.

    `idle` are the seconds that a server may be silent.
    """

    def __init__(
        self,
        allowed: Allowed,
        idle: float = IDLE,
        lookup: Lookup = addresses_of,
        trust: Trust = ssl.create_default_context,
    ) -> None:
        self._allowed = allowed
        self._idle = idle
        self._lookup = lookup
        self._trust = trust
        self._context: ssl.SSLContext | None = None

    def ask(
        self,
        method: str,
        text: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        own: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to a request, after its redirects. Raises AttemptFailed where none comes, or the URL is not called.

        What only reads is redirected to other hosts, too, which are told `own` headers and not `headers`, those of the author.
        """
        try:
            return self._asked(method, text, headers, body, own or {})
        except Refused as refused:
            message = "\n".join((refused.message, *refused.help))
            raise AttemptFailed(Failure(message, "permanent", "web_forbidden")) from None
        except Unanswered as error:
            kind = "permanent" if "certificate is not trusted" in str(error) else "temporary"
            reason = "web_unanswered" if isinstance(error, _Unheard) else "web_unreachable"
            raise AttemptFailed(Failure(str(error), kind, reason)) from None

    def _asked(
        self, method: str, text: str, headers: Mapping[str, str], body: bytes | None, own: Mapping[str, str]
    ) -> Answer:
        url = read_url(text, self._allowed)
        first = url.origin
        for _ in range(REDIRECTS + 1):
            told = over(headers, own) if url.origin == first else own
            answer = self._once(method, url, told, body)
            location = answer.headers.get("location")
            follows = answer.status in _MOVED and (method in _READING or answer.status in _REPEATING)
            if not follows or location is None:
                return answer
            answer.close()
            url = self._redirected(url, location, method)
        raise Unanswered(f'"{url.host}" redirects more than {REDIRECTS} times')

    def _redirected(self, url: Url, location: str, method: str) -> Url:
        try:
            there = read_url(urljoin(f"{url.origin}{url.target}", location).partition("#")[0], self._allowed)
        except (Refused, ValueError) as error:
            told = error.message if isinstance(error, Refused) else "this is no URL"
            raise Refused(f'"{url.host}" redirects to where trc does not call: {told}') from None
        if method not in _READING and there.origin != url.origin:
            # What is sent is for the host that the author named.
            raise Refused(
                f'"{url.host}" redirects to {there.origin}, and a {method} goes to no other host', "name that one"
            )
        return there

    def _once(self, method: str, url: Url, headers: Mapping[str, str], body: bytes | None) -> Answer:
        addresses = checked_addresses(url, self._allowed, self._lookup)
        if url.scheme == "https" and self._context is None:
            self._context = self._trust()
        connection = connected(url, addresses, self._context, Waits(self._idle))
        try:
            connection.request(method, url.target, body, over({"Host": url.authority, "User-Agent": AGENT}, headers))
            return Answer(url, connection.getresponse(), connection)
        except TimeoutError:
            connection.close()
            raise _Unheard(f'"{url.host}" did not answer within {self._idle:g} s') from None
        except (OSError, HTTPException) as error:
            connection.close()
            raise _Unheard(f'"{url.host}" did not answer: {words(error)}') from None
        except BaseException:
            connection.close()
            raise


def over(headers: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Both, where names ignore case and those of the second go first."""
    names = {name.lower() for name in more}
    return {**{name: value for name, value in headers.items() if name.lower() not in names}, **more}


def is_passing(status: int) -> bool:
    """Whether an answer means that the same request may do better later."""
    return status in _PASSING


def refusal(answer: Answer, what: str) -> Failure:
    """What an answer means that is no success: `what` was asked for in vain."""
    status = answer.status
    told = f'"{answer.host}" answers {status} to {what}'
    if status in _GONE:
        return Failure(f"{told}: there is nothing", "permanent", "input_missing")
    if is_passing(status):
        later = answer.headers.get("retry-after", "")
        after = f", and wants to be asked again after {later[:40]}" + (" s" if later.isdigit() else "") if later else ""
        return Failure(f"{told}{after}", "temporary", "web_unreachable")
    return Failure(told, "permanent", "web_refused")


def allowed_of(told: Mapping[str, Any]) -> Allowed:
    """What an order tells of `[network]` in trc.toml."""
    networks = (network_of(one) for one in told.get("networks", ()))
    return Allowed(frozenset(told.get("hosts", ())), tuple(one for one in networks if one is not None))
