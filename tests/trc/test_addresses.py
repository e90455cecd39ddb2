"""Which URLs may be called, told from their text and from the addresses that they lead to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.addresses import (
    NOTHING_ALLOWED,
    Allowed,
    Refused,
    host_of,
    network_of,
    read_url,
    refusal,
)

CALLED = {
    "https://hooks.example.com": ("https://hooks.example.com", "/"),
    "HTTPS://Hooks.Example.COM./a?b=c%20d": ("https://hooks.example.com", "/a?b=c%20d"),
    "https://hooks.example.com:8443/x": ("https://hooks.example.com:8443", "/x"),
    "https://hooks.example.com:443": ("https://hooks.example.com", "/"),
    "https://hooks?x": ("https://hooks", "/?x"),
    "https://8.8.8.8/": ("https://8.8.8.8", "/"),
    "https://[2606:4700:4700::1111]:8443/": ("https://[2606:4700:4700::1111]:8443", "/"),
    "https://[64:ff9b::8.8.8.8]/": ("https://[64:ff9b::808:808]", "/"),
    "https://my_host-1.example.com/": ("https://my_host-1.example.com", "/"),
    "https://1.example.com/": ("https://1.example.com", "/"),
}
REFUSED = {
    # What is no URL
    "": "no URL",
    "hooks.example.com": "no URL",
    "//hooks.example.com": "no URL",
    "https:hooks.example.com": "no URL",
    "https:///x": "no URL",
    "https://": "no URL",
    "https://a b/": "no URL",
    "https://a/\n": "no URL",
    "https://a\\b/": "no URL",
    "https://a/#f": "no URL",
    "https://a:b/": "no URL",
    "https://bücher.example/": "no URL",
    "https://a/" + "x" * 2048: "no URL",
    "https://a..b/": "cannot be the name of a host",
    "https://-a/": "cannot be the name of a host",
    "https://a%00b/": "cannot be the name of a host",
    "https://a%2eb/": "cannot be the name of a host",
    "https://" + "a." * 127 + "aa/": "cannot be the name of a host",
    "https://a:0/": "0 is no port",
    "https://a:65536/": "65536 is no port",
    # Other ways to speak
    "ftp://a/": 'not "ftp"',
    "file:///etc/passwd": "no URL",
    "gopher://a/": 'not "gopher"',
    "http://hooks.example.com/": "by http",
    # Who asks
    "https://me@hooks.example.com/": "user name",
    "https://me:secret@hooks.example.com/": "user name",
    "https://hooks.example.com@10.0.0.1/": "user name",
    "https://a@b@c/": "user name",
    "https://@a/": "user name",
    # Addresses in the ways that only some read
    "https://2130706433/": "unusual spelling",
    "https://0x7f000001/": "unusual spelling",
    "https://0x7f.1/": "unusual spelling",
    "https://0177.0.0.1/": "unusual spelling",
    "https://127.1/": "unusual spelling",
    "https://127.0.0.01/": "unusual spelling",
    "https://256.1.1.1/": "unusual spelling",
    "https://1.2.3.4.5/": "unusual spelling",
    "https://0/": "unusual spelling",
    "https://0x/": "unusual spelling",
    "https://[1.2.3.4]/": "is no address",
    "https://[::1%lo]/": "names an interface",
    "https://[fe80::1%25eth0]/": "names an interface",
    "https://[v1.x]/": "is no address",
    # Addresses that are not of the public internet
    "https://localhost/": "this machine",
    "https://LOCALHOST./": "this machine",
    "https://a.localhost/": "this machine",
    "https://127.0.0.1/": "an address of this machine",
    "https://127.255.255.254./": "an address of this machine",
    "https://0.0.0.0/": "an unspecified address",
    "https://10.0.0.1/": "a private address",
    "https://172.31.255.255/": "a private address",
    "https://192.168.0.1/": "a private address",
    "https://100.64.0.1/": "that providers share",
    "https://169.254.1.1/": "a link-local address",
    "https://192.0.0.8/": "a reserved address",
    "https://198.18.0.1/": "a reserved address",
    "https://224.0.0.1/": "a multicast address",
    "https://255.255.255.255/": "a reserved address",
    "https://[::]/": "an unspecified address",
    "https://[::1]/": "an address of this machine",
    "https://[fc00::1]/": "a private address",
    "https://[fe80::1]/": "a link-local address",
    "https://[fec0::1]/": "a private address",
    "https://[ff02::1]/": "a multicast address",
    "https://[2001:db8::1]/": "a reserved address",
    "https://[2001::1]/": "a reserved address",
    "https://[4000::1]/": "a reserved address",
    "https://[64:ff9b:1::7f00:1]/": "a reserved address",
    # The same in another form
    "https://[::ffff:127.0.0.1]/": "an address of this machine in another form",
    "https://[::ffff:a00:1]/": "a private address in another form",
    "https://[::10.0.0.1]/": "a private address in another form",
    "https://[64:ff9b::192.168.0.1]/": "a private address in another form",
    "https://[2002:0a00:0001::]/": "a private address in another form",
}
METADATA = (
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "[fd00:ec2::254]", "[fd20:ce::254]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]",
)  # fmt: skip


@pytest.mark.parametrize("url", CALLED)
def test_urls_of_the_public_internet_are_called(url: str) -> None:
    found = read_url(url, NOTHING_ALLOWED)
    assert (found.origin, found.target) == CALLED[url]


@pytest.mark.parametrize("url", REFUSED)
def test_others_are_not(url: str) -> None:
    with pytest.raises(Refused) as refused:
        read_url(url, NOTHING_ALLOWED)
    assert REFUSED[url] in refused.value.message
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("host", METADATA)
def test_nothing_allows_metadata(host: str) -> None:
    everywhere = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    for allowed in (NOTHING_ALLOWED, Allowed(frozenset({host.strip("[]"), host}), everywhere)):
        with pytest.raises(Refused, match="metadata"):
            read_url(f"https://{host}/latest", allowed)


def test_a_host_that_is_allowed_is_called_by_http_and_wherever_it_is() -> None:
    allowed = Allowed(frozenset({"localhost", "10.0.0.1"}))
    assert read_url("http://LOCALHOST:8080/x", allowed).origin == "http://localhost:8080"
    assert read_url("http://10.0.0.1/", allowed).origin == "http://10.0.0.1"
    for other in ("http://a.localhost/", "https://10.0.0.2/", "http://localhost.example.com/"):
        with pytest.raises(Refused):
            read_url(other, allowed)


def test_a_network_that_is_allowed_is_called_but_not_by_http() -> None:
    allowed = Allowed(networks=tuple(filter(None, (network_of("10.1.0.0/16"), network_of("fd00:1::/32")))))
    for url in (
        "https://10.1.2.3/",
        "https://[fd00:1::5]/",
        "https://[::ffff:10.1.2.3]/",
        "https://[64:ff9b::10.1.2.3]/",
    ):
        assert read_url(url, allowed)
    for url in ("http://10.1.2.3/", "https://10.2.0.1/", "https://[fd00:2::5]/"):
        with pytest.raises(Refused):
            read_url(url, allowed)


@given(st.ip_addresses(v=4))
def test_no_form_of_an_address_is_called_that_is_refused_in_another(address: IPv4Address) -> None:
    plain = refusal(address, NOTHING_ALLOWED)
    number = int(address)
    forms = (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80)
    for form in forms:
        assert (refusal(IPv6Address(form), NOTHING_ALLOWED) is None) is (plain is None)


@given(st.ip_addresses())
def test_what_is_called_is_public_for_the_standard_library_too(address: IPv4Address | IPv6Address) -> None:
    if refusal(address, NOTHING_ALLOWED) is None:
        is_embedding = isinstance(address, IPv6Address) and (
            address.ipv4_mapped or int(address) >> 32 in (0, 0x64FF9B << 64)
        )
        assert is_embedding or not (address.is_private or address.is_multicast or address.is_loopback)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Hooks.Internal", "hooks.internal"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.1", None),
        ("a:80", None),
        ("https://a", None),
        ("", None),
        ("*.internal", None),
    ],
)
def test_hosts_are_allowed_as_urls_name_them(text: str, host: str | None) -> None:
    assert host_of(text) == host


def test_a_url_of_any_text_is_called_or_refused_and_nothing_else() -> None:
    @given(st.text(alphabet="htps:/.@[]0123x%a-\\?# \n", max_size=30))
    def check(text: str) -> None:
        try:
            found = read_url(f"https://{text}", NOTHING_ALLOWED)
        except Refused:
            return
        assert found.host
        assert "@" not in found.authority
        if found.address is not None:
            assert refusal(ip_address(found.host), NOTHING_ALLOWED) is None

    check()
