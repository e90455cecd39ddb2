"""Which URLs trc calls: what may stand in one, and which addresses are refused whatever name leads to them.

Compiler, runtime and task side go by it alike: it needs nothing but Python 3.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Union
from urllib.parse import unquote_plus

Address = Union[IPv4Address, IPv6Address]
Network = Union[IPv4Network, IPv6Network]

LONGEST: Final = 2048
"""Characters of a URL."""


@dataclass(frozen=True)
class Allowed:
    """What a project allows beyond public addresses and https.

    The `hosts`, in lower case, may be at any address and be called by http. The addresses in `networks` are
    called whatever the name is that leads there. Neither allows an address of a cloud's metadata.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @property
    def told(self) -> dict[str, list[str]]:
        """As task orders tell it; empty where nothing is allowed."""
        if not self.hosts and not self.networks:
            return {}
        return {"hosts": sorted(self.hosts), "networks": [str(one) for one in self.networks]}


NOTHING_ALLOWED: Final = Allowed()


@dataclass(frozen=True)
class Url:
    """A URL in its parts: `host` is in lower case, an IPv6 address without its brackets; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str
    address: Address | None = field(default=None)
    """The host, where it is written as an address."""

    @property
    def authority(self) -> str:
        """Host and port as a `Host` header has them."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == _PORTS[self.scheme] else f"{shown}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: what a circuit breaker counts as one endpoint, and messages may show."""
        return f"{self.scheme}://{self.authority}"


class Refused(Exception):  # noqa: N818 - an answer: the URL is not called
    """Why a URL is not called. The message names neither path nor query: those may hold what only the endpoint should know."""

    def __init__(self, message: str, *help_lines: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help_lines


def read_url(text: str, allowed: Allowed) -> Url:
    """The parts of a URL that may be called as far as its text tells; raises Refused. What a name leads to is seen later."""
    found = _URL.fullmatch(text)
    if len(text) > LONGEST or found is None or _UNFIT.search(text):
        raise Refused("this is no URL that can be called", "write it like https://hooks.example.com/trc")
    scheme = found["scheme"].lower()
    if scheme not in _PORTS:
        raise Refused(f'trc calls http and https, and not "{scheme}"', "write https://…")
    if "@" in found["authority"]:
        raise Refused("the URL holds a user name or a password", "leave it out: pipelines are shared and stored")
    host, address = _host(found["host"])
    port = int(found["port"] or _PORTS[scheme])
    if not 0 < port <= _HIGHEST_PORT:
        raise Refused(f"{port} is no port", "ports are numbers from 1 to 65535")
    path = found["path"] or "/"
    url = Url(scheme, host, port, path + (found["query"] or ""), address)
    if scheme == "http" and host not in allowed.hosts:
        raise Refused(
            f'"{host}" would be called by http, which anybody on the way can read and change', "write https://…", _ALLOW
        )
    if address is not None:
        require_allowed(url, address, allowed)
    elif _THIS_MACHINE.fullmatch(host) and host not in allowed.hosts:
        raise Refused(f'"{host}" is this machine', _ALLOW)
    return url


def is_signed(text: str) -> bool:
    """Whether a URL holds a signature, which lets everybody in who sees it."""
    names = (unquote_plus(one.partition("=")[0]).lower() for one in text.partition("#")[0].partition("?")[2].split("&"))
    return not _SIGNED.isdisjoint(names)


def require_allowed(url: Url, address: Address, allowed: Allowed) -> None:
    """Raises Refused if the URL may not be called at the address that its host has or leads to."""
    what = refusal(address, allowed, is_known=url.host in allowed.hosts)
    if what is None:
        return
    leads = f'"{url.host}" is' if url.address is not None else f'"{url.host}" leads to {address},'
    remedy = () if what == _METADATA_SAID else (_ALLOW,)
    raise Refused(f"{leads} {what}", *remedy)


def refusal(address: Address, allowed: Allowed, *, is_known: bool = False) -> str | None:
    """What is wrong with calling an address, in words; None if nothing is. `is_known` says that its host is allowed."""
    forms = (address, *_embedded(address))
    if any(one in _METADATA for one in forms):
        return _METADATA_SAID
    if is_known:
        return None
    for one in forms:
        what = _special(one)
        if what is not None and not any(one in network or address in network for network in allowed.networks):
            return what if one is address else f"{what} in another form"
    return None


def _host(text: str) -> tuple[str, Address | None]:
    if text.startswith("["):
        try:
            found = IPv6Address(text[1:-1])
        except ValueError:
            raise Refused(f'"{text}" is no address', "write it like [2001:db8::1]") from None
        if found.scope_id is not None:
            raise Refused(f'"{text}" names an interface of one machine', "leave out what stands behind the %")
        return str(found), found
    host = text.lower().removesuffix(".")
    if not _NAME.fullmatch(host):
        raise Refused(f'"{text}" cannot be the name of a host', "use letters, digits, - and dots")
    if not _NUMERIC.fullmatch(host.rpartition(".")[2]):
        return host, None
    # What is read as an address here has to be read so by everyone: 0177.1, 0x7f000001 and 2130706433 are all 127.0.0.1.
    try:
        return host, IPv4Address(host)
    except ValueError:
        raise Refused(
            f'"{text}" is an unusual spelling of an address', "write it as four numbers from 0 to 255"
        ) from None


def _embedded(address: Address) -> tuple[Address, ...]:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv4Address):
        return ()
    number = int(address)
    if any(address in network for network in _LAST_BITS):
        return (IPv4Address(number & 0xFFFF_FFFF),)
    if address in _SIX_TO_FOUR:
        return (IPv4Address(number >> 80 & 0xFFFF_FFFF),)
    return ()


def _special(address: Address) -> str | None:
    """What an address is, if it is none of the public internet."""
    if isinstance(address, IPv6Address) and _embedded(address) and int(address) > 1:
        return None
    for network, what in _SPECIAL:
        if address in network:
            return what
    is_public = isinstance(address, IPv4Address) or address in _GLOBAL
    return None if is_public else _RESERVED


def network_of(text: str) -> Network | None:
    """A network in the words of `trc.toml`, such as `10.0.0.0/8`; None where it is none."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def host_of(text: str) -> str | None:
    """A host in the words of `trc.toml`, a name or an address, as `Url` has it; None where it is none."""
    try:
        return _host(f"[{text}]" if ":" in text and not text.startswith("[") else text)[0]
    except Refused:
        return None


_SIGNED: Final = frozenset({"x-amz-signature", "x-amz-credential", "x-goog-signature", "signature", "sig"})
_PORTS: Final = {"http": 80, "https": 443}
_HIGHEST_PORT: Final = 65_535
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?P<authority>(?:[^/?#@]*@)*(?P<host>\[[^\]/?#@]*\]|[^\[\]:/?#@]+)(?::(?P<port>[0-9]{1,5}))?)"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?"
)
_UNFIT: Final = re.compile(r"[^\x21-\x7e]|[\\\"<>^`{|}]")
"""What no URL holds, or what is read in one way here and in another there."""
_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_THIS_MACHINE: Final = re.compile(r"(.+\.)?localhost")
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")

_ALLOW: Final = "where that is meant, allow it in trc.toml: [network] allow_hosts or allow_networks"
_METADATA_SAID: Final = "an address of a cloud's metadata, which trc never calls"
_RESERVED: Final = "a reserved address"
_PRIVATE: Final = "a private address"
_LOOPBACK: Final = "an address of this machine"
_LINK: Final = "a link-local address"
_MULTICAST: Final = "a multicast address"
_UNSPECIFIED: Final = "an unspecified address"

_METADATA: Final = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google, Oracle, DigitalOcean
            "169.254.170.2",  # AWS ECS: a task's credentials
            "169.254.170.23",  # AWS EKS: a pod's credentials
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure's host
            "192.0.0.192",  # Oracle, before
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",  # Google
        ),
    )
)
_SPECIAL: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(network), what)
    for network, what in (
        # https://www.iana.org/assignments/iana-ipv4-special-registry
        ("0.0.0.0/8", _UNSPECIFIED),
        ("10.0.0.0/8", _PRIVATE),
        ("100.64.0.0/10", "an address that providers share"),
        ("127.0.0.0/8", _LOOPBACK),
        ("169.254.0.0/16", _LINK),
        ("172.16.0.0/12", _PRIVATE),
        ("192.0.0.0/24", _RESERVED),
        ("192.0.2.0/24", _RESERVED),
        ("192.88.99.0/24", _RESERVED),
        ("192.168.0.0/16", _PRIVATE),
        ("198.18.0.0/15", _RESERVED),
        ("198.51.100.0/24", _RESERVED),
        ("203.0.113.0/24", _RESERVED),
        ("224.0.0.0/4", _MULTICAST),
        ("240.0.0.0/4", _RESERVED),
        # https://www.iana.org/assignments/iana-ipv6-special-registry
        ("::/128", _UNSPECIFIED),
        ("::1/128", _LOOPBACK),
        ("64:ff9b:1::/48", _RESERVED),
        ("2001::/23", _RESERVED),
        ("2001:db8::/32", _RESERVED),
        ("3fff::/20", _RESERVED),
        ("fc00::/7", _PRIVATE),
        ("fe80::/10", _LINK),
        ("fec0::/10", _PRIVATE),
        ("ff00::/8", _MULTICAST),
    )
)
_GLOBAL: Final = IPv6Network("2000::/3")
"""All that is assigned of IPv6 for the public internet."""
_LAST_BITS: Final = (
    IPv6Network("::ffff:0:0/96"),  # mapped
    IPv6Network("::/96"),  # compatible, before
    IPv6Network("64:ff9b::/96"),  # NAT64
)
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
