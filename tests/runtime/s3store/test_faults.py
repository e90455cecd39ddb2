"""Writers of several machines lose no step and make none twice, whatever happens to their requests and to them."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contracts.store_suite import RUN, put
from tests.faulty import Fault, Faulty, Passing, faulty
from tests.objects import ObjectServer
from tests.runtime.s3store.test_store import copy_of, made

from trc.runtime.errors import Stopped

MACHINES = "abc"
STEPS = 8


class Weather(Faulty):
    """A proxy in which a third of the requests meet with something, by a seed."""

    chance: random.Random

    def fault_of(self, passing: Passing) -> Fault:
        with self._lock:
            self.passed.append(passing)
            fate = self.chance.random()
        if fate > 1 / 3:
            return Fault()
        return Fault(("drop", "lose", "answer", "cut")[int(fate * 12)])


@pytest.fixture(params=[0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def weather(request: pytest.FixtureRequest, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with faulty(objects.url) as proxy:
        proxy.__class__ = Weather
        assert isinstance(proxy, Weather)
        proxy.chance = random.Random(request.param)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


def test_no_step_is_lost_or_made_twice_in_bad_weather(weather: Faulty, tmp_path: Path) -> None:
    taken: list[int] = []
    unknown: list[int] = []
    troubles: list[BaseException] = []
    with made(tmp_path / "a", 60.0) as first:
        put(first, replace(RUN, resumed=0))

    def count(machine: str) -> None:
        try:
            with made(tmp_path / machine, 20.0) as store:
                for _ in range(STEPS):
                    seen = -1
                    try:
                        with store.transaction() as change:
                            run = store.run("r1")
                            assert run is not None
                            seen = run.resumed
                            change.put_run(replace(run, resumed=seen + 1))
                    except Stopped:
                        unknown.append(seen)
                    else:
                        taken.append(seen)
        except BaseException as error:
            troubles.append(error)
            raise

    threads = [threading.Thread(target=count, args=(machine,)) for machine in MACHINES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert troubles == []
    assert len(weather.passed) > 2 * STEPS * len(MACHINES)
    # Nobody counted from where another one did who was told that it is recorded.
    assert len(set(taken)) == len(taken)
    weather.__class__ = Faulty
    with made(tmp_path / "d") as store:
        run = store.run("r1")
        assert run is not None
        assert len(taken) <= run.resumed <= len(taken) + len(unknown)
        assert set(taken) <= set(range(run.resumed))
    with made(tmp_path / "a") as store:
        store.runs()
    assert copy_of(tmp_path / "a") == copy_of(tmp_path / "d")


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.runtime.s3store.test_store import made
with made(Path(sys.argv[1]), 60.0) as store:
    while True:
        with store.transaction() as change:
            run = store.run("r1")
            change.put_run(replace(run, resumed=run.resumed + 1))
        print(run.resumed, flush=True)
"""


@pytest.mark.long
def test_a_writer_that_is_killed_again_and_again_keeps_what_it_was_told(objects: ObjectServer, tmp_path: Path) -> None:
    chance = random.Random(7)
    with made(tmp_path / "b") as store:
        put(store, replace(RUN, resumed=0))
        last, untold = -1, 0
        for _ in range(6):
            # Killed in the middle of one of its requests.
            left = chance.randrange(1, 12)
            process = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path / "a")], stdout=subprocess.PIPE, text=True
            )

            def kill(method: str, path: str, process: subprocess.Popen[str] = process) -> None:
                nonlocal left
                if method == "PUT" and "/log/" in path:
                    left -= 1
                    if left == 0:
                        process.send_signal(signal.SIGKILL)

            objects.before = kill
            out, _ = process.communicate(timeout=60)
            objects.before = None
            told = [int(line) for line in out.split()]
            # A step that a killed one made may be there although it could tell nobody.
            if told:
                assert told == list(range(told[0], told[0] + len(told)))
                assert 1 <= told[0] - last <= 1 + untold
                last, untold = told[-1], 0
            untold += 1
        run = store.run("r1")
        assert run is not None
        assert 1 <= run.resumed - last <= 1 + untold
