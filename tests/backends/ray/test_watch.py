"""When a cluster counts as lost: servers on loopback that answer, refuse and are silent."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Thread

import pytest

from trc.backends.ray import watch
from trc.backends.ray.watch import Post, Watch

LONG = 30.0
OFTEN = 0.01


@contextmanager
def watching(*posts: Post, silent: float) -> Iterator[SimpleQueue[Post]]:
    lost = SimpleQueue[Post]()
    one = Watch(posts, lost.put, silent, OFTEN)
    try:
        yield lost
    finally:
        one.close()


@contextmanager
def server(answer: bytes | None) -> Iterator[tuple[Post, SimpleQueue[bytes]]]:
    """A server that answers all alike, or ends the connection where it has nothing to say, and what it was told."""
    told = SimpleQueue[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    said = connection.recv(100)
                    if answer is not None:
                        connection.sendall(answer)
                    told.put(said)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield Post("head", "127.0.0.1", listener.getsockname()[1], comes_back=True), told
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def nobody(*, comes_back: bool) -> Post:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Post("nobody", "127.0.0.1", listener.getsockname()[1], comes_back)


@pytest.mark.parametrize("answer", [b"\0\0\0\4\0", None], ids=["settings", "speaks only TLS"])
def test_who_answers_is_there(answer: bytes | None) -> None:
    with server(answer) as (post, told), watching(post, silent=0.0) as lost:
        for _ in range(10):
            assert told.get(timeout=LONG).startswith(b"PRI * HTTP/2.0\r\n")
        assert lost.empty()


def test_who_refuses_and_does_not_come_back_is_lost_at_once() -> None:
    gone = nobody(comes_back=False)
    with server(b"x") as (post, _), watching(post, gone, silent=LONG) as lost:
        assert lost.get(timeout=LONG) == gone


def test_who_comes_back_may_refuse_for_a_while() -> None:
    post = nobody(comes_back=True)
    with watching(post, silent=0.2) as lost:
        assert lost.get(timeout=LONG) == post
    with watching(post, silent=LONG) as lost, pytest.raises(Empty):
        lost.get(timeout=0.3)


def test_who_takes_a_connection_and_says_nothing_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_ANSWERS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        post = Post("node", "127.0.0.1", listener.getsockname()[1], comes_back=False)
        with watching(post, silent=0.1) as lost:
            assert lost.get(timeout=LONG) == post


def test_a_pause_of_this_process_is_no_silence_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_LOOKS", 1 << 30)
    with watching(nobody(comes_back=True), silent=0.0) as lost, pytest.raises(Empty):
        lost.get(timeout=0.3)
