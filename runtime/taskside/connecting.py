"""Connects to hosts at addresses that were checked: a name is looked up once, and what was checked is what is connected to."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from ipaddress import ip_address
from typing import Any, Callable

from trc.addresses import Address, Allowed, Url, require_allowed

Lookup = Callable[[str, int], Sequence[str]]
"""The addresses that a host's name leads to; raises OSError."""
Trust = Callable[[], ssl.SSLContext]

_MOST_ADDRESSES = 4


class Unanswered(Exception):  # noqa: N818 - an outcome of a call
    """No answer came, or none that can be read. The message names the host, and nothing else of the URL."""


class Waits:
    """How long is waited: until `at` by the monotonic clock, and not longer than `within` seconds at a time."""

    def __init__(self, within: float, at: float | None = None) -> None:
        self.within = within
        self.at = at

    def left(self) -> float:
        """Seconds that are left; raises TimeoutError when there are none."""
        left = self.within if self.at is None else min(self.within, self.at - time.monotonic())
        if left <= 0:
            raise TimeoutError
        return left


def addresses_of(host: str, port: int) -> Sequence[str]:
    """What the machine's resolver answers, each address once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


def checked_addresses(url: Url, allowed: Allowed, lookup: Lookup) -> tuple[Address, ...]:
    """The addresses of the host, all of which may be called. Raises Refused and Unanswered."""
    if url.address is not None:
        return (url.address,)
    try:
        found = lookup(url.host, url.port)
    except OSError as error:
        raise Unanswered(f'"{url.host}" cannot be found: {words(error)}') from None
    except UnicodeError:
        raise Unanswered(f'"{url.host}" cannot be the name of a host') from None
    addresses = tuple(map(ip_address, found))
    for address in addresses:
        require_allowed(url, address, allowed)
    if not addresses:
        raise Unanswered(f'"{url.host}" has no address')
    return addresses[:_MOST_ADDRESSES]


def connected(url: Url, addresses: Sequence[Address], context: ssl.SSLContext | None, waits: Waits) -> Connection:
    """A connection to the first of the addresses that answers; by TLS where the URL says so. Raises Unanswered."""
    connection = Connection(url, addresses, context if url.scheme == "https" else None, waits)
    try:
        connection.connect()
    except TimeoutError:
        connection.close()
        raise Unanswered(f'"{url.host}" cannot be reached: nobody answered within {waits.within:g} s') from None
    except OSError as error:
        connection.close()
        raise Unanswered(f'"{url.host}" cannot be reached: {words(error)}') from None
    return connection


class Connection(HTTPConnection):
    """Connects to addresses that were checked, in the name of the host that they are of."""

    def __init__(self, url: Url, addresses: Sequence[Address], context: ssl.SSLContext | None, waits: Waits) -> None:
        super().__init__(url.host, url.port)
        self.origin = url.origin
        self.waits = waits
        self._addresses = addresses
        self._secure = context

    def connect(self) -> None:
        plain = self._reach()
        try:
            plain.settimeout(self.waits.left())
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            found = plain
            if self._secure is not None:
                found = self._secure.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
        self.sock = _Bounded(found, self.waits)

    def _reach(self) -> socket.socket:
        """The first address that can be connected to; each has its part of the time."""
        for tried, address in enumerate(self._addresses, start=1):
            rest = len(self._addresses) - tried + 1
            try:
                return socket.create_connection((str(address), self.port), self.waits.left() / rest)
            except OSError:
                if rest == 1:
                    raise
        raise AssertionError("a host has an address")


class _Bounded:
    """A socket whose every wait is bounded: where there is a deadline, a server that sends a byte now and then gains no time by it."""

    def __init__(self, plain: socket.socket, waits: Waits) -> None:
        self.socket = plain
        self.waits = waits

    def sendall(self, data: Any) -> None:
        self.socket.settimeout(self.waits.left())
        self.socket.sendall(data)

    def makefile(self, _mode: str, _buffering: int | None = None) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self.socket, self.waits))

    def close(self) -> None:
        # As every socket, it stays open for as long as somebody reads.
        self.socket.close()


class _Incoming(io.RawIOBase):
    """What a socket receives."""

    def __init__(self, source: socket.socket, waits: Waits) -> None:
        super().__init__()
        self._source = source
        self._raw = source.makefile("rb", buffering=0)
        self._waits = waits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._source.settimeout(self._waits.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def words(error: Exception) -> str:
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
