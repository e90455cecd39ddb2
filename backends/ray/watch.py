"""Looks whether a cluster is still there: Ray itself would end this process, a minute after its head fell silent."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

_BETWEEN: Final = 2.0
"""Seconds between two looks."""
_ANSWERS: Final = 5.0
"""Seconds in which an answer has to come."""
_SILENT: Final = 30.0
"""Seconds after which silence is no pause any more; Ray itself takes a minute for it."""
_LOOKS: Final = 4
"""Looks in vain that it takes as well: a machine that slept has not looked."""
_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
"""The preface of HTTP/2 with empty settings, which every gRPC server answers, whoever asks."""


@dataclass(frozen=True, slots=True)
class Post:
    """A server of the cluster; one that `comes_back` may refuse connections for as long as it may be silent."""

    name: str
    host: str
    port: int
    comes_back: bool


class Watch:
    """Calls `lost` once with the post that is gone, in a thread of its own."""

    def __init__(
        self, posts: Iterable[Post], lost: Callable[[Post], None], silent: float = _SILENT, between: float = _BETWEEN
    ) -> None:
        self._posts = tuple(posts)
        self._lost = lost
        self._silent = silent
        self._between = between
        self._is_over = Event()
        self._thread = Thread(target=self._look, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it, at once or with the look that is under way."""
        self._is_over.set()

    def _look(self) -> None:
        heard = {post: time.monotonic() for post in self._posts}
        vain = dict.fromkeys(self._posts, 0)
        while not self._is_over.wait(self._between):
            for post in self._posts:
                answer = _answer(post)
                if answer == "answers":
                    heard[post], vain[post] = time.monotonic(), 0
                    continue
                vain[post] += 1
                is_silent = vain[post] >= _LOOKS and time.monotonic() - heard[post] >= self._silent
                if is_silent or (answer == "refuses" and not post.comes_back):
                    self._lost(post)
                    return


def _answer(post: Post) -> str:
    """Whether it `answers`, `refuses`, or is `silent`."""
    try:
        with socket.create_connection((post.host, post.port), _ANSWERS) as connection:
            connection.sendall(_HELLO)
            # One that speaks TLS alone says so, or ends it: it is there.
            connection.recv(1)
    except ConnectionRefusedError:
        return "refuses"
    except ConnectionError:
        return "answers"
    except OSError:
        return "silent"
    return "answers"
