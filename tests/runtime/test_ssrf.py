"""Calls of URLs: to checked addresses alone, in the host's name, bounded in time and size; real servers answer."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from tests.endpoint import OK, Endpoint, Request, answer, endpoint, verbatim

from trc.addresses import NOTHING_ALLOWED, Allowed, Refused, network_of
from trc.runtime.ssrf import Caller
from trc.runtime.taskside.connecting import Unanswered

HERE = Allowed(frozenset({"127.0.0.1", "hooks.internal", "localhost"}))


def leads_to(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    """A resolver of which every name leads there."""
    return lambda _host, _port: addresses


def post(url: str, allowed: Allowed = HERE, **facts: object) -> int:
    with Caller(allowed, **{"within": 10.0, **facts}) as caller:  # type: ignore[arg-type]
        return caller.post(url, b'{"a":1}', {"webhook-id": "m"}).status


def plain_socket(caller: Caller) -> socket.socket:
    """That of the connection which is kept."""
    kept: Any = caller._kept
    found: socket.socket = kept.sock.socket
    return found


@pytest.fixture
def told() -> Iterator[Endpoint]:
    with endpoint() as found:
        yield found


def test_what_is_posted_arrives_as_it_was(told: Endpoint) -> None:
    assert post(f"{told.url}/a/b?c=d") == 204
    (request,) = told.requests
    assert (request.method, request.path, request.body) == ("POST", "/a/b?c=d", b'{"a":1}')
    assert request.headers["host"] == f"127.0.0.1:{told.port}"
    assert request.headers["webhook-id"] == "m"
    assert set(request.headers) == {"host", "accept-encoding", "content-length", "webhook-id"}


def test_a_connection_is_used_again_until_it_is_closed(told: Endpoint) -> None:
    ports: list[int] = []
    with Caller(HERE) as caller:
        for respond in (OK, OK, answer(200, {"Connection": "close"}, b"x"), OK):
            told.respond = respond
            caller.post(f"{told.url}/", b"", {})
            if caller._kept is not None:
                ports.append(plain_socket(caller).getsockname()[1])
    assert len(told.requests) == 4
    assert ports[0] == ports[1] != ports[2]


def test_a_connection_that_was_closed_meanwhile_is_made_anew(told: Endpoint) -> None:
    def hang_up(request: Request, out: BinaryIO) -> None:
        OK(request, out)
        out.flush()
        # Without a word about it, as one does that has waited for long enough.
        raise ConnectionResetError

    told.respond = hang_up
    with Caller(HERE) as caller:
        assert caller.post(f"{told.url}/", b"", {}).status == 204
        plain_socket(caller).shutdown(socket.SHUT_RDWR)
        assert caller.post(f"{told.url}/", b"", {}).status == 204


def test_a_name_is_connected_to_by_the_address_that_was_checked(told: Endpoint) -> None:
    """One that leads elsewhere the second time is asked for once: what was checked is what is called."""
    asked: list[str] = []

    def lookup(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ("127.0.0.1",) if len(asked) == 1 else ("169.254.169.254",)

    allowed = Allowed(frozenset({"hooks.internal"}))
    assert post(f"http://hooks.internal:{told.port}/", allowed, lookup=lookup) == 204
    assert asked == ["hooks.internal"]
    assert told.requests[0].headers["host"] == f"hooks.internal:{told.port}"


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("::1",),
        ("8.8.8.8", "10.0.0.1"),
        ("10.0.0.1", "8.8.8.8"),
        ("169.254.169.254",),
        ("::ffff:127.0.0.1",),
        ("64:ff9b::a00:1",),
        ("fe80::1%eth0",),
        ("0.0.0.0",),
    ],
)
def test_a_name_that_leads_to_no_public_address_is_refused(told: Endpoint, addresses: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match=r'"hooks\.example\.com" leads to'):
        post(f"https://hooks.example.com:{told.port}/", NOTHING_ALLOWED, lookup=leads_to(*addresses))
    assert told.requests == []


def test_the_resolver_of_this_machine_is_believed_and_checked(told: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *more, **facts: real("localhost", *more, **facts))
    with pytest.raises(Refused, match=r'"hooks\.example\.com" leads to .* an address of this machine'):
        post(f"https://hooks.example.com:{told.port}/", NOTHING_ALLOWED)
    assert told.requests == []
    assert post(f"http://localhost:{told.port}/") == 204


def test_a_network_that_is_allowed_may_be_led_to_but_metadata_never() -> None:
    allowed = Allowed(networks=tuple(filter(None, map(network_of, ("127.0.0.0/8", "169.254.0.0/16")))))
    with pytest.raises(Unanswered, match="cannot be reached"):
        post("https://hooks.example.com:9/", allowed, lookup=leads_to("127.0.0.1"))
    for name, who in (("hooks.example.com", allowed), ("hooks.internal", HERE)):
        with pytest.raises(Refused, match="metadata"):
            post(f"https://{name}/", who, lookup=leads_to("169.254.169.254"))


def test_the_next_address_is_tried_where_one_does_not_answer(told: Endpoint) -> None:
    # Nobody listens on the first: this machine has all of 127.0.0.0/8.
    assert post(f"http://hooks.internal:{told.port}/", lookup=leads_to("127.0.0.9", "127.0.0.1")) == 204


@pytest.mark.parametrize(
    ("url", "facts", "says"),
    [
        ("http://127.0.0.1:9/", {}, '"127.0.0.1" cannot be reached: connection refused'),
        ("http://hooks.internal/", {"lookup": leads_to()}, '"hooks.internal" has no address'),
    ],
)
def test_an_endpoint_that_is_not_there_is_told(url: str, facts: dict[str, object], says: str) -> None:
    with pytest.raises(Unanswered) as unanswered:
        post(url, **facts)  # type: ignore[arg-type]
    assert str(unanswered.value) == says


def test_a_name_that_is_not_known_is_told() -> None:
    def lookup(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(Unanswered, match="cannot be found: name or service not known"):
        post("https://hooks.internal/", lookup=lookup)


# What servers do


def redirect(status: int, where: str) -> Callable[[Request, BinaryIO], None]:
    return answer(status, {"Location": where})


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_on_the_same_host_is_the_same_post_once_more(told: Endpoint, status: int) -> None:
    told.respond = lambda request, out: (redirect(status, "/there?x") if request.path == "/" else OK)(request, out)
    assert post(f"{told.url}/") == 204
    first, second = told.requests
    assert (second.path, second.method, second.body) == ("/there?x", "POST", first.body)
    assert second.headers["webhook-id"] == "m"


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_would_become_a_get_is_an_answer(told: Endpoint, status: int) -> None:
    told.respond = redirect(status, "/there")
    assert post(f"{told.url}/") == status
    assert len(told.requests) == 1


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("https://169.254.169.254/latest", "metadata"),
        ("http://169.254.169.254/latest", "by http"),
        ("https://[::ffff:169.254.169.254]/", "metadata"),
        ("https://10.0.0.1/", "a private address"),
        ("http://localhost:PORT/", "goes to no other host"),
        ("//localhost:PORT/x", "goes to no other host"),
        ("https://127.0.0.1:PORT/", "goes to no other host"),
        ("https://hooks.example.com/", "goes to no other host"),
        ("http://127.0.0.1:1/", "goes to no other host"),
        ("http://me@127.0.0.1:PORT/", "user name"),
        ("file:///etc/passwd", "no URL"),
        ("http://127.0.0.1:PORT/\\x", "no URL"),
    ],
)
def test_a_redirect_elsewhere_is_refused(told: Endpoint, where: str, says: str) -> None:
    told.respond = redirect(307, where.replace("PORT", str(told.port)))
    with pytest.raises(Refused, match=says):
        post(f"{told.url}/")
    assert len(told.requests) == 1


def test_redirects_come_to_an_end(told: Endpoint) -> None:
    told.respond = redirect(307, "/")
    with pytest.raises(Unanswered, match="redirects more than 3 times"):
        post(f"{told.url}/")
    assert len(told.requests) == 4


def test_no_more_of_a_huge_answer_is_read_than_anybody_wants(told: Endpoint) -> None:
    ended = threading.Event()

    def pour(_request: Request, out: BinaryIO) -> None:
        out.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                out.write(bytes(65_536))
        finally:
            ended.set()

    told.respond = pour
    with Caller(HERE) as caller:
        found = caller.post(f"{told.url}/", b"", {})
    assert (found.status, len(found.body)) == (200, 65_536)
    assert ended.wait(10), "the server writes on"


def dripping(first: bytes, drip: bytes) -> Callable[[Request, BinaryIO], None]:
    """Sends a little now and then, for ever: no wait for the next byte is long."""

    def drop(_request: Request, out: BinaryIO) -> None:
        out.write(first)
        while True:
            out.write(drip)
            out.flush()
            time.sleep(0.02)

    return drop


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_a_server_that_drips_gains_no_time(told: Endpoint, first: bytes, drip: bytes) -> None:
    told.respond = dripping(first, drip)
    began = time.monotonic()
    with pytest.raises(Unanswered):
        post(f"{told.url}/", within=0.3)
    assert time.monotonic() - began < 2


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(Unanswered, match=r"did not answer within 0\.3 s"):
            post(f"http://127.0.0.1:{silent.getsockname()[1]}/", within=0.3)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n"]
)
def test_what_is_no_answer_is_told(told: Endpoint, said: bytes) -> None:
    told.respond = verbatim(said)
    with pytest.raises(Unanswered) as unanswered:
        post(f"{told.url}/", within=1.0)
    assert "OpenSSH" not in str(unanswered.value)


# Certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of hooks.internal, signed by itself."""
    folder = tmp_path_factory.mktemp("certificate")
    made = folder / "both.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hooks.internal",
            "-addext", "subjectAltName=DNS:hooks.internal", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    made.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return made


@pytest.fixture
def secure(certificate: Path) -> Iterator[Endpoint]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with endpoint(secure=context) as found:
        yield found


def test_the_certificate_is_held_to_the_name_and_not_to_the_address(secure: Endpoint, certificate: Path) -> None:
    def trust() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(certificate))

    there = leads_to("127.0.0.1")
    with Caller(HERE, lookup=there, trust=trust) as caller:
        assert caller.post(f"https://hooks.internal:{secure.port}/x", b"{}", {}).status == 204
    assert secure.requests[0].headers["host"] == f"hooks.internal:{secure.port}"
    allowed = Allowed(networks=tuple(filter(None, (network_of("127.0.0.0/8"),))))
    with Caller(allowed, lookup=there, trust=trust) as caller, pytest.raises(Unanswered, match="certificate"):
        caller.post(f"https://other.example.com:{secure.port}/x", b"{}", {})
    with Caller(HERE, lookup=there) as caller, pytest.raises(Unanswered, match="certificate is not trusted"):
        caller.post(f"https://hooks.internal:{secure.port}/x", b"{}", {})
    assert len(secure.requests) == 1
