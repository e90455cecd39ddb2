"""Calls URLs, and only those that may be called: an address is looked up once, checked, and then the one that is connected to."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from ipaddress import ip_address
from typing import Any, Final, Self
from urllib.parse import urljoin

from trc.compiler.ir.addresses import Address, Allowed, Refused, Url, read_url, require_allowed

Lookup = Callable[[str, int], Sequence[str]]
"""The addresses that a host's name leads to; raises OSError."""

REDIRECTS: Final = 3
"""How many redirects of one call are followed, all of them on the host that was called."""
_REPEATING: Final = frozenset({307, 308})
"""Redirects after which the same request is made again. After others a POST would become a GET: they are answers."""
_LONGEST_ANSWER: Final = 65_536
_MOST_ADDRESSES: Final = 4


class Unanswered(Exception):  # noqa: N818 - an outcome of a call
    """No answer came, or none that can be read. The message names the host, and nothing else of the URL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: the status, its headers by lower-case name, and the beginning of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def addresses_of(host: str, port: int) -> Sequence[str]:
    """What the machine's resolver answers, each address once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


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
    _kept: _Connection | None = None
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
            kept.deadline.at = deadline
            try:
                return self._exchange(kept, url, body, headers)
            except Unanswered:
                # It may have been closed at the other end long ago: that says nothing about the endpoint.
                if deadline - time.monotonic() <= 0:
                    raise
        elif kept is not None:
            kept.close()
        return self._exchange(self._connected(url, deadline), url, body, headers)

    def _exchange(self, connection: _Connection, url: Url, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            connection.request("POST", url.target, body, {"Host": url.authority, **headers})
            answer = _read(connection.getresponse())
        except TimeoutError:
            connection.close()
            raise Unanswered(f'"{url.host}" did not answer within {self.within:g} s') from None
        except (OSError, HTTPException) as error:
            connection.close()
            raise Unanswered(f'"{url.host}" did not answer: {_words(error)}') from None
        except BaseException:
            connection.close()
            raise
        if connection.sock is None or len(answer.body) >= _LONGEST_ANSWER:
            connection.close()
        else:
            self._kept = connection
        return answer

    def _connected(self, url: Url, deadline: float) -> _Connection:
        addresses = self._checked(url)
        if url.scheme == "https" and self._context is None:
            self._context = self.trust()
        connection = _Connection(url, addresses, self._context if url.scheme == "https" else None, _Deadline(deadline))
        try:
            connection.connect()
        except TimeoutError:
            connection.close()
            raise Unanswered(f'"{url.host}" cannot be reached: nobody answered within {self.within:g} s') from None
        except OSError as error:
            connection.close()
            raise Unanswered(f'"{url.host}" cannot be reached: {_words(error)}') from None
        return connection

    def _checked(self, url: Url) -> tuple[Address, ...]:
        """The addresses of the host, all of which may be called."""
        if url.address is not None:
            return (url.address,)
        try:
            found = self.lookup(url.host, url.port)
        except OSError as error:
            raise Unanswered(f'"{url.host}" cannot be found: {_words(error)}') from None
        except UnicodeError:
            raise Unanswered(f'"{url.host}" cannot be the name of a host') from None
        addresses = tuple(map(ip_address, found))
        for address in addresses:
            require_allowed(url, address, self.allowed)
        if not addresses:
            raise Unanswered(f'"{url.host}" has no address')
        return addresses[:_MOST_ADDRESSES]


@dataclass(slots=True)
class _Deadline:
    """When a call has to be done, by the monotonic clock."""

    at: float

    def left(self) -> float:
        """Seconds that are left; raises TimeoutError when there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Connection(HTTPConnection):
    """Connects to addresses that were checked, in the name of the host that they are of."""

    def __init__(
        self, url: Url, addresses: Sequence[Address], context: ssl.SSLContext | None, deadline: _Deadline
    ) -> None:
        super().__init__(url.host, url.port)
        self.origin = url.origin
        self.deadline = deadline
        self._addresses = addresses
        self._secure = context

    def connect(self) -> None:
        plain = self._reach()
        try:
            plain.settimeout(self.deadline.left())
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            found = plain
            if self._secure is not None:
                found = self._secure.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
        self.sock = _Bounded(found, self.deadline)

    def _reach(self) -> socket.socket:
        """The first address that can be connected to; each has its part of the time."""
        for tried, address in enumerate(self._addresses, start=1):
            rest = len(self._addresses) - tried + 1
            try:
                return socket.create_connection((str(address), self.port), self.deadline.left() / rest)
            except OSError:
                if rest == 1:
                    raise
        raise AssertionError("a host has an address")


@dataclass(slots=True)
class _Bounded:
    """A socket whose every wait ends at the deadline: a server that sends a byte now and then gains no time by it."""

    socket: socket.socket
    deadline: _Deadline

    def sendall(self, data: Any) -> None:
        self.socket.settimeout(self.deadline.left())
        self.socket.sendall(data)

    def makefile(self, _mode: str, _buffering: int | None = None) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self.socket, self.deadline))

    def close(self) -> None:
        # As every socket, it stays open for as long as somebody reads.
        self.socket.close()


class _Incoming(io.RawIOBase):
    """What a socket receives, until the deadline."""

    def __init__(self, source: socket.socket, deadline: _Deadline) -> None:
        super().__init__()
        self._source = source
        self._raw = source.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._source.settimeout(self._deadline.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


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


def _words(error: Exception) -> str:
    """What went wrong, in the system's words or by its class; never what the other end sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})".lower()
    if isinstance(error, ssl.SSLError):
        return f"no secure connection ({error.reason or 'TLS'})".lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return {
        "RemoteDisconnected": "it closed the connection",
        "BadStatusLine": "it does not speak HTTP",
        "LineTooLong": "its answer has a line that is too long",
    }.get(type(error).__name__, "its answer is no HTTP")
