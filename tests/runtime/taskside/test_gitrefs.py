"""Lists of references as Git servers send them: cut anywhere, and of servers that say other things."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.gitrefs import Found, Refs, refs_of
from trc.runtime.taskside.web import Web

A, B, C = ("a" * 40, "b" * 40, "c" * 40)
KIND = "application/x-git-upload-pack-advertisement"


def packet(text: str) -> bytes:
    return f"{len(text.encode()) + 4:04x}{text}".encode()


SENT = b"".join(
    [
        packet("# service=git-upload-pack\n"),
        b"0000",
        packet(f"{A} HEAD\0multi_ack symref=HEAD:refs/heads/main\n"),
        packet(f"{A} refs/heads/main\n"),
        packet(f"{B} refs/tags/main\n"),
        packet(f"{B} refs/tags/v1\n"),
        packet(f"{C} refs/tags/v1^{{}}\n"),
        b"0000",
    ]
)


class Sent:
    """A server that answers with these bytes, in pieces of `size`."""

    def __init__(self, body: bytes, size: int = 1 << 16, kind: str = KIND, status: int = 200) -> None:
        self.body, self.size, self.status, self.host = body, size, status, "git.example"
        self.headers = {"content-type": kind}

    def ask(self, *_: Any, **__: Any) -> Sent:
        return self

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), self.size):
            yield self.body[start : start + self.size]

    def close(self) -> None:
        """Nothing is open."""


def asked(sent: Sent) -> Refs:
    return refs_of(cast("Web", sent), "https://git.example/shop.git", {})


def failure(sent: Sent) -> Any:
    with pytest.raises(AttemptFailed) as told:
        asked(sent)
    return told.value.failure


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 1 << 16])
def test_answer_that_comes_in_pieces_is_the_same(size: int) -> None:
    refs = asked(Sent(SENT, size))
    assert refs.find("HEAD") == Found("HEAD", A)
    assert refs.find("refs/tags/main") == Found("refs/tags/main", B)
    # A branch goes before a tag of its name, and a tag is the commit that it is of.
    assert refs.find("main") == Found("refs/heads/main", A)
    assert refs.find("v1") == Found("refs/tags/v1", C)
    assert refs.find(B) == Found(B, B)


def test_answer_that_is_cut_is_temporary() -> None:
    found = failure(Sent(SENT[:-20]))
    assert (found.kind, found.reason) == ("temporary", "web_unreachable")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>what", "not answer in its protocol"),
        (packet("ERR access denied\n"), "access denied"),
        (packet(f"{'a' * 64} HEAD\0object-format=sha256\n"), "in a way that is not known"),
    ],
)
def test_what_is_no_list_is_permanent(body: bytes, said: str) -> None:
    found = failure(Sent(body))
    assert (found.kind, found.reason) == ("permanent", "git")
    assert said in found.message


def test_what_is_no_git_server() -> None:
    assert "no Git repository" in failure(Sent(SENT, kind="text/html")).message
    assert failure(Sent(b"", status=404)).reason == "input_missing"
    assert failure(Sent(b"", status=503)).kind == "temporary"


def test_references_without_an_end_are_refused() -> None:
    line = packet(f"{A} refs/heads/{'x' * 60_000}\n")
    assert "64 MiB" in failure(Sent(line * 1200)).message
