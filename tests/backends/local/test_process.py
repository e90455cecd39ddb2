"""What is known of the orders in a worker's pipe, whoever reads first."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

from trc.backends.local.process import Handed, Kind, WorkerProcess
from trc.runtime.surroundings import clean
from trc.runtime.taskside.worker import BEGIN, READY

ORDERS = [Handed(str(number), b"order %d\n" % number, Kind(), f"/logs/{number}.log") for number in range(5)]


class Contested(WorkerProcess):
    """Its pipe is read by us alone; `takes` are the orders that its worker takes while ours are being taken back."""

    takes: frozenset[str] = frozenset()
    packets: frozenset[bytes] = frozenset()

    def unread(self) -> list[bytes]:
        taken = {handed.line for handed in ORDERS if handed.token in self.takes} | self.packets
        return [line for line in super().unread() if line not in taken]

    def in_pipe(self) -> str:
        return " ".join(line.decode().split()[1] for line in super().unread())


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Contested]:
    monkeypatch.setattr("trc.backends.local.process._BOOTSTRAP", "import signal; signal.pause()")
    with tempfile.TemporaryFile() as errors:
        worker = Contested(Kind(), clean(os.environ), errors)
        worker.has_spoken = True
        yield worker
        worker._process.kill()
        worker.collect()


@pytest.mark.parametrize(
    ("takes", "known", "returned", "in_pipe"),
    [
        ("", "0", "1234", "0"),
        ("0", "0", "1234", ""),
        ("01", "01", "234", ""),
        ("01234", "01234", "", ""),
        ("1", "1", "0234", ""),
        ("23", "23", "014", ""),
        ("024", "024", "13", ""),
    ],
)
def test_what_the_worker_takes_meanwhile_comes_first(
    worker: Contested, takes: str, known: str, returned: str, in_pipe: str
) -> None:
    for handed in ORDERS:
        worker.send(handed)
    worker.takes = frozenset(takes)
    assert "".join(handed.token for handed in worker.take_back()) == returned
    assert worker.running is not None
    assert "".join(handed.token for handed in (worker.running, *worker.queued)) == known
    assert worker.in_pipe() == in_pipe


@pytest.mark.parametrize(
    ("takes", "known", "returned", "in_pipe"),
    [
        pytest.param("", "0", "12", [ORDERS[0].line], id="nothing: it is sent whole"),
        pytest.param(
            "?", "0", "12", [ORDERS[0].line], id="the order: it is sent again, and takes the first one's place"
        ),
        pytest.param("!", "0", "12", [ORDERS[0].line], id="the word to begin, which means nothing alone"),
        pytest.param("?!", "0", "12", [], id="both: it runs"),
        pytest.param("?1", "1", "02", [], id="the order and one behind it, which runs"),
        pytest.param("?!1", "01", "2", [], id="all but the last"),
    ],
)
def test_an_order_that_was_made_ready_is_begun_once_whatever_is_taken_meanwhile(
    worker: Contested, takes: str, known: str, returned: str, in_pipe: list[bytes]
) -> None:
    assert worker.make_ready(ORDERS[0])
    assert not worker.is_idle
    worker.begin()
    for handed in ORDERS[1:3]:
        worker.send(handed)
    named = {"?": READY + ORDERS[0].line, "!": BEGIN, "1": ORDERS[1].line}
    worker.packets = frozenset(named[one] for one in takes)
    assert "".join(handed.token for handed in worker.take_back()) == returned
    assert worker.running is not None
    assert "".join(handed.token for handed in (worker.running, *worker.queued)) == known
    assert WorkerProcess.unread(worker) == in_pipe


@pytest.mark.parametrize(
    ("unread", "never"),
    [("?!", True), ("!", True), ("", False)],
)
def test_an_order_that_was_made_ready_is_taken_when_the_word_to_begin_is(
    worker: Contested, unread: str, never: bool
) -> None:
    worker.make_ready(ORDERS[0])
    handed = worker.begin()
    packets = {"?": READY + handed.line, "!": BEGIN}
    assert worker.never_took(handed, [packets[one] for one in unread]) is never


def test_the_pipe_holds_what_may_wait_in_it(worker: Contested) -> None:
    worker.running = ORDERS[0]
    for _ in range(500):
        worker.pace.saw(0.0)
    while worker.is_ahead:
        worker.send(Handed("filler", b"x" * 4000 + b"\n", Kind(), "/logs/x.log"))
        assert not worker.has_unsent
    assert len(worker.queued) == worker.depth >= 15
