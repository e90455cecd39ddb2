"""The store on S3 does what every store does, for several machines, and says what is wrong with its endpoint."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.store_suite import DRIVER, RESULT, RUN, StoreSuite, put, task
from tests.faulty import Fault, Faulty, Passing, Rule, faulty
from tests.objects import ObjectServer

from trc.runtime.errors import Stopped
from trc.runtime.s3store import checkpoints
from trc.runtime.s3store import log as logs
from trc.runtime.s3store.marker import NAME
from trc.runtime.s3store.objects import StateObjects
from trc.runtime.s3store.segment import Step, Void, decode, encode
from trc.runtime.s3store.store import S3Store
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.store.bucket import bucket_address_of
from trc.runtime.store.migrate import newest
from trc.runtime.store.sqlite import SqliteStore

Opener = Callable[..., S3Store]
BELOW = "trc/shop/"


@pytest.fixture
def opened(objects: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Opens the store as one machine or another; closed at the end."""
    # How often a request is tried again is ours to say: the client's own tries would only hide what happens.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with ExitStack() as stack:

        def opener(machine: str = "a", url: str = "", away: float = 5.0, where: str = "lake", **more: Any) -> S3Store:
            monkeypatch.setenv("AWS_ENDPOINT_URL", url or objects.url)
            return stack.enter_context(made(tmp_path / machine, away, where, **more))

        yield opener


def made(folder: Path, away: float = 5.0, where: str = "lake", **more: Any) -> S3Store:
    """The store as a machine has it whose files lie in that folder."""
    found = StateObjects(S3Client.configured(), bucket_address_of(f"s3://{where}/{BELOW}"), away=away)
    # Without a second in which what was read counts: tests look at once.
    return S3Store(found, folder / "replica", lambda: SqliteStore(folder / "state.db"), **{"fresh": 0.0, **more})


@pytest.fixture
def proxy(objects: ObjectServer) -> Iterator[Faulty]:
    with faulty(objects.url) as found:
        yield found


def copy_of(folder: Path) -> dict[str, list[Any]]:
    """All that the copy of a machine holds, but for what it says of itself."""
    with closing(sqlite3.connect(folder / "replica" / "state.db")) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: file.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables if name != "replica"}


def complaint(error: pytest.ExceptionInfo[Stopped], code: str) -> str:
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == code
    assert diagnostic.help
    assert error.value.exit_code == 3
    return diagnostic.message


def log(objects: ObjectServer) -> list[Any]:
    """What the places of the log hold."""
    return [decode(objects.read(key)) for key in objects.all_keys() if key.startswith(f"{BELOW}log/")]


# Each case is a bucket, a log and two copies of it: a second where the other stores take a hundredth.
@pytest.mark.long
class TestS3Store(StoreSuite):
    @pytest.fixture
    def store(self, opened: Opener, tmp_path: Path) -> Iterator[S3Store]:
        store = opened("a", fresh=1.0)
        yield store
        # Whatever was done, another machine comes to the same, number by number.
        opened("b")
        assert copy_of(tmp_path / "b") == copy_of(tmp_path / "a")


# Several machines


def test_what_one_machine_records_another_finds(opened: Opener) -> None:
    here, there = opened("a"), opened("b")
    put(here, RUN, task("clean"), RESULT)
    assert there.runs() == [RUN]
    assert dict(there.latest("shop")) == {"clean": RESULT}
    put(there, task("clean", "running"))
    assert here.tasks("r1") == [task("clean", "running")]


def test_what_was_read_counts_for_a_while(opened: Opener, objects: ObjectServer) -> None:
    here, there = opened("a", fresh=60.0), opened("b")
    assert here.runs() == []
    put(there, RUN)
    objects.asked.clear()
    assert here.runs() == []
    assert objects.asked == []
    with here.transaction():
        # A block is never behind.
        assert here.runs() == [RUN]


def test_others_see_nothing_of_a_block_until_it_ends(opened: Opener) -> None:
    here, there = opened("a"), opened("b")
    with here.transaction() as change:
        change.put_run(RUN)
        assert there.runs() == []
    assert there.runs() == [RUN]


@pytest.mark.long
def test_machines_write_at_the_same_time_and_lose_nothing(opened: Opener, tmp_path: Path) -> None:
    # Each reads and adds within one block: a lost update would leave the count short. Two are of one machine.
    folders = ("a", "a", "b", "c")
    put(opened("a"), replace(RUN, resumed=0))
    ends = threading.Barrier(len(folders))
    troubles: list[BaseException] = []

    def count(machine: str, url: str) -> None:
        try:
            with made(tmp_path / machine, 60.0) as store:
                ends.wait(30)
                for _ in range(6):
                    with store.transaction() as change:
                        before = store.run("r1")
                        assert before is not None
                        change.put_run(replace(before, resumed=before.resumed + 1))
                    store.enrol(replace(DRIVER, id=f"{url}"), 1.0)
        except BaseException as error:
            troubles.append(error)
            raise

    threads = [threading.Thread(target=count, args=(folder, str(number))) for number, folder in enumerate(folders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert troubles == []
    final = opened("d")
    run = final.run("r1")
    assert run is not None
    assert run.resumed == 24
    assert set(final.drivers()) == {"0", "1", "2", "3"}


def test_only_one_of_two_runs_gets_a_location(opened: Opener) -> None:
    here, there = opened("a"), opened("b")
    put(here, RUN, replace(RUN, id="r2"))
    with here.transaction() as change:
        assert not change.acquire(["/a"], "r1", "driver-1")
    with there.transaction() as change:
        assert dict(change.acquire(["/a"], "r2", "driver-2")) == {"/a": "r1"}


# Writers that die, and writers that sleep


def test_a_driver_that_was_taken_for_dead_records_nothing(opened: Opener, objects: ObjectServer) -> None:
    here, there = opened("a"), opened("b", silence=0.2)
    put(here, RUN)

    def sleep_in_a_block() -> None:
        with here.transaction() as change:
            change.put_tasks([task("clean", "success")])
            # The other one waits for its silence to be long enough, and takes the next place.
            put(there, task("clean", "failure"))

    with pytest.raises(Stopped) as error:
        sleep_in_a_block()
    assert "silent for so long" in complaint(error, "TRC692")
    assert [one.state for one in here.tasks("r1")] == ["failure"]
    assert [type(one) for one in log(objects)] == [Step, Void, Step]
    # It may go on, as of what the other one did.
    put(here, task("load"))
    assert [one.task for one in there.tasks("r1")] == ["clean", "load"]


@pytest.mark.long
def test_a_writer_that_is_at_it_is_waited_for(opened: Opener, objects: ObjectServer, tmp_path: Path) -> None:
    here = opened("a")
    there = opened("b")
    put(here, RUN)
    is_held, went_on = threading.Event(), threading.Event()
    waits = 0

    def seen(method: str, path: str) -> None:
        nonlocal waits
        if method == "GET" and path.endswith("log/000000000002"):
            waits += 1
            if waits == 3:
                is_held.set()

    objects.before = seen
    done: list[str] = []

    def hold() -> None:
        with made(tmp_path / "c") as store, store.transaction() as change:
            change.put_tasks([task("clean")])
            went_on.set()
            assert is_held.wait(30)
            done.append("c")

    thread = threading.Thread(target=hold)
    thread.start()
    assert went_on.wait(30)
    put(there, task("load"))
    done.append("b")
    thread.join(30)
    assert done == ["c", "b"]
    assert [one.task for one in here.tasks("r1")] == ["clean", "load"]


def test_what_a_killed_process_left_is_let_go_at_once_on_its_machine(
    opened: Opener, objects: ObjectServer, tmp_path: Path
) -> None:
    code = """
import sys
from pathlib import Path
from tests.contracts.store_suite import RUN
from tests.runtime.s3store.test_store import made
with made(Path(sys.argv[1])).transaction() as change:
    change.put_run(RUN)
    print("changed", flush=True)
    sys.stdin.read()
"""
    here = opened("a", silence=3600.0)
    command = [sys.executable, "-c", code, str(tmp_path / "a")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "changed\n"
        process.kill()
    assert here.runs() == []
    put(here, replace(RUN, id="r2"))
    assert [type(one) for one in log(objects)] == [Void, Step]


def test_a_copy_of_a_machines_files_is_another_machine(opened: Opener, objects: ObjectServer, tmp_path: Path) -> None:
    here = opened("a")
    put(here, RUN)
    here.close()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    here, there = opened("a"), opened("b", silence=0.2)
    waited: list[float] = []

    def sleep_in_a_block() -> None:
        with here.transaction() as change:
            change.put_tasks([task("load")])
            began = time.monotonic()
            put(there, task("clean"))
            waited.append(time.monotonic() - began)

    with pytest.raises(Stopped):
        sleep_in_a_block()
    # It was waited for: nothing told that its writer is dead.
    assert waited[0] >= 0.2
    assert [type(one) for one in log(objects)] == [Step, Void, Step]


def test_a_block_that_raises_leaves_no_place_that_others_wait_for(opened: Opener, objects: ObjectServer) -> None:
    here, there = opened("a"), opened("b", silence=3600.0)
    with suppress(KeyError), here.transaction() as change:
        change.put_run(RUN)
        raise KeyError
    put(there, RUN)
    assert [type(one) for one in log(objects)] == [Void, Step]


# Outcomes that nobody told


def conditional(passing: Passing) -> bool:
    return passing.method == "PUT" and "/log/" in passing.path


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("what", ["drop", "lose", "answer"])
def test_a_write_whose_answer_is_lost_is_settled_by_reading(
    opened: Opener, proxy: Faulty, objects: ObjectServer, what: Any, first: int
) -> None:
    # The first write is that of the reservation, the second that of the step.
    here = opened("a", proxy.url)
    proxy.rules.append(Rule(conditional, Fault(what), first=first, times=1))
    put(here, RUN, task("clean"))
    assert len(proxy.hit) == 1
    (step,) = log(objects)
    assert isinstance(step, Step)
    assert opened("b").tasks("r1") == [task("clean")]


def test_a_sign_of_life_whose_answer_is_lost_is_given_once(
    opened: Opener, proxy: Faulty, objects: ObjectServer
) -> None:
    here = opened("a", proxy.url)
    proxy.rules.append(Rule(conditional, Fault("lose"), times=1))
    here.enrol(DRIVER, 7.0)
    assert len(log(objects)) == 1
    assert opened("b").drivers() == {DRIVER.id: (DRIVER, 7.0)}


def test_a_step_that_was_recorded_while_the_endpoint_went_away_is_known_later(
    opened: Opener, proxy: Faulty, objects: ObjectServer
) -> None:
    here = opened("a", proxy.url, away=0.2)
    put(here, RUN)

    def break_it() -> None:
        proxy.rules.append(Rule(lambda _: True, Fault("drop")))

    proxy.rules.append(Rule(conditional, Fault("lose", then=break_it), first=1, times=1))
    with pytest.raises(Stopped) as error:
        put(here, task("clean"))
    assert "does not answer" in complaint(error, "TRC690")
    proxy.rules.clear()
    # It was, and so it is there: nobody has guessed.
    assert here.tasks("r1") == [task("clean")]
    put(here, task("clean", "running"))
    assert [type(one) for one in log(objects)] == [Step, Step, Step]


def test_a_step_that_was_not_recorded_when_the_endpoint_went_away_is_not_there(opened: Opener, proxy: Faulty) -> None:
    here = opened("a", proxy.url, away=0.2)
    put(here, RUN)
    proxy.rules.append(Rule(conditional, Fault("drop"), first=1))
    with pytest.raises(Stopped) as error:
        put(here, task("clean"))
    complaint(error, "TRC690")
    proxy.rules.clear()
    assert here.tasks("r1") == []
    put(here, task("load"))
    assert here.tasks("r1") == [task("load")]


def test_a_busy_endpoint_is_tried_again(opened: Opener, proxy: Faulty) -> None:
    here = opened("a", proxy.url, away=30.0)
    proxy.rules.append(Rule(lambda _: True, Fault("answer", 503, "SlowDown"), times=5))
    put(here, RUN)
    assert len(proxy.hit) == 5
    assert here.runs() == [RUN]


def test_an_endpoint_that_stays_busy_is_named(opened: Opener, proxy: Faulty) -> None:
    here = opened("a", proxy.url, away=0.2)
    proxy.rules.append(Rule(lambda _: True, Fault("answer", 503, "SlowDown")))
    with pytest.raises(Stopped) as error:
        put(here, RUN)
    told = 'the state store "s3://lake/trc/shop" cannot be used: the object store is too busy: SlowDown'
    assert complaint(error, "TRC690") == told


# Endpoints and buckets that will not do


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_an_endpoint_that_ignores_a_condition_is_refused(opened: Opener, objects: ObjectServer, name: str) -> None:
    objects.ignores = frozenset({name})
    with pytest.raises(Stopped) as error:
        opened()
    assert f"({name})" in complaint(error, "TRC691")
    assert objects.all_keys() == []


def test_an_endpoint_that_knows_no_conditions_is_refused(opened: Opener, proxy: Faulty) -> None:
    proxy.rules.append(Rule(lambda one: one.method == "PUT", Fault("answer", 501, "NotImplemented")))
    with pytest.raises(Stopped) as error:
        opened("a", proxy.url, away=0.2)
    assert "knows no conditions" in complaint(error, "TRC691")


def test_an_endpoint_is_asked_once_a_machine(opened: Opener, objects: ObjectServer, proxy: Faulty) -> None:
    opened("a")
    objects.asked.clear()
    opened("a")
    assert objects.asked == [("GET", f"/lake/{BELOW}{NAME}"), ("GET", f"/lake/{BELOW}{logs.name_of(1)}")]
    opened("a", proxy.url)
    assert any("probe-" in path for _, path in objects.asked)


def test_a_bucket_that_is_missing_is_named(opened: Opener) -> None:
    with pytest.raises(Stopped) as error:
        opened(where="nobody")
    told = 'the state store "s3://nobody/trc/shop" cannot be used: there is no bucket "nobody"'
    assert complaint(error, "TRC690") == told


def test_access_that_is_denied_is_named_with_what_it_takes(opened: Opener, objects: ObjectServer) -> None:
    objects.fault = lambda method, _path: (403, "AccessDenied") if method == "PUT" else None
    with pytest.raises(Stopped) as error:
        opened()
    told = 'the state store "s3://lake/trc/shop" cannot be used: access is denied'
    assert complaint(error, "TRC690") == told
    assert "s3:PutObject" in error.value.diagnostics[0].help[0]


# What lies there


def test_folders_with_other_objects_are_refused(opened: Opener, objects: ObjectServer) -> None:
    objects.put(f"{BELOW}orders.csv", "a,b")
    with pytest.raises(Stopped) as error:
        opened()
    assert complaint(error, "TRC693").endswith('"state.json" is missing, and "orders.csv" is there')


@pytest.mark.parametrize("body", [b"", b"{}", b"no"])
def test_a_marker_that_is_none_is_named(opened: Opener, objects: ObjectServer, body: bytes) -> None:
    objects.put(f"{BELOW}{NAME}", body)
    with pytest.raises(Stopped) as error:
        opened()
    assert '"state.json" is something else' in complaint(error, "TRC693")


@pytest.mark.parametrize("body", [b"", b"{}", encode(Void())[:-5], b"\x1f\x8b"])
def test_a_step_that_is_none_is_named(opened: Opener, objects: ObjectServer, body: bytes) -> None:
    put(opened("a"), RUN)
    objects.put(f"{BELOW}{logs.name_of(2)}", body)
    with pytest.raises(Stopped) as error:
        opened("b")
    assert '"log/000000000002" cannot be read' in complaint(error, "TRC693")


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH DATABASE 'other.db' AS x",
        "DROP TABLE runs",
        "UPDATE replica SET position = 99",
        "DELETE FROM migrations",
        "PRAGMA user_version = 1",
        "CREATE TABLE x (a)",
        "no sql",
    ],
)
def test_a_step_that_does_what_no_store_does_is_refused(opened: Opener, objects: ObjectServer, sql: str) -> None:
    put(opened("a"), RUN)
    objects.put(f"{BELOW}{logs.name_of(2)}", encode(Step(newest(), "n", ((sql, [[]]),))))
    with pytest.raises(Stopped) as error:
        opened("b")
    assert '"log/000000000002" cannot be carried out' in complaint(error, "TRC693")


def test_a_store_of_a_newer_trc_is_left_alone(opened: Opener, objects: ObjectServer) -> None:
    put(opened("a"), RUN)
    objects.put(f"{BELOW}{logs.name_of(2)}", encode(Step(newest() + 1, "n", ())))
    with pytest.raises(Stopped) as error:
        opened("b")
    assert "was written by a newer trc" in complaint(error, "TRC693")


def test_a_step_of_an_older_trc_is_carried_out(opened: Opener, objects: ObjectServer) -> None:
    put(opened("a"), RUN)
    # It knew fewer columns, and wrote those that it knew.
    names = ("id", "pipeline", "file", "digest", "logical_time", "driver", "created_at", "state", "resumed")
    older = f"INSERT INTO runs ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    values = [getattr(replace(RUN, id="r0"), name) for name in names]
    objects.put(f"{BELOW}{logs.name_of(2)}", encode(Step(1, "n", ((older, [values]),))))
    assert opened("b").run("r0") == replace(RUN, id="r0")


def test_a_store_that_was_removed_and_made_anew_is_another_one(opened: Opener, objects: ObjectServer) -> None:
    put(opened("a"), RUN)
    for key in objects.all_keys():
        objects.client.delete_object(Bucket="lake", Key=key)
    put(opened("b"), replace(RUN, id="r2"))
    assert [run.id for run in opened("a").runs()] == ["r2"]


def test_a_copy_that_is_damaged_is_made_anew(opened: Opener, tmp_path: Path) -> None:
    store = opened("a")
    put(store, RUN)
    store.close()
    path = tmp_path / "a/replica/state.db"
    path.write_text("no database")
    assert opened("a").runs() == [RUN]


def test_a_full_disk_loses_nothing_that_others_recorded(opened: Opener, tmp_path: Path) -> None:
    here, there = opened("a"), opened("b")
    steps(there, 1, 5)
    file = here._replica._file
    (pages,) = file.execute("PRAGMA page_count").fetchone()
    file.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(Stopped) as error, here.transaction() as change:
        # What the others recorded was taken in within the same block, and goes with it.
        change.put_tasks([task(f"{number:0400}", run="r1") for number in range(500)])
    assert "there is no space left" in complaint(error, "TRC606")
    file.execute("PRAGMA max_page_count = 100000")
    put(here, replace(RUN, id="r6"))
    assert [run.id for run in here.runs()] == ["r6", "r5", "r4", "r3", "r2", "r1"]
    there.runs()
    assert copy_of(tmp_path / "a") == copy_of(tmp_path / "b")


# Checkpoints


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint each four steps, and nothing kept that it has replaced."""
    monkeypatch.setattr("trc.runtime.s3store.store.EVERY", 4)
    monkeypatch.setattr(checkpoints, "KEPT", -1.0)


def steps(store: S3Store, first: int, last: int) -> None:
    for number in range(first, last + 1):
        put(store, replace(RUN, id=f"r{number}"))


@pytest.mark.usefixtures("short")
def test_who_begins_reads_a_checkpoint_and_what_follows_it(
    opened: Opener, objects: ObjectServer, tmp_path: Path
) -> None:
    steps(opened("a"), 1, 9)
    objects.asked.clear()
    there = opened("b")
    assert sum(method == "GET" and "/log/" in path for method, path in objects.asked) < 9
    assert len(there.runs()) == 9
    assert copy_of(tmp_path / "b") == copy_of(tmp_path / "a")
    put(there, task("clean"))
    # The log was cut off behind the checkpoint before the last.
    assert next(key for key in objects.all_keys() if "log" in key).endswith("000000000005")


@pytest.mark.usefixtures("short")
def test_a_copy_that_sees_its_log_cut_off_begins_anew(
    opened: Opener, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = opened("a"), opened("b")
    steps(here, 1, 1)
    assert len(there.runs()) == 1
    steps(here, 2, 9)
    # It slept, and what follows in its log is no more: the place that seems free is not.
    monkeypatch.setattr(logs, "TRUST", 0.0)
    steps(there, 10, 10)
    assert len(here.runs()) == len(there.runs()) == 10
    there_again = opened("b")
    assert len(there_again.runs()) == 10
    assert not any(key.endswith("log/000000000002") for key in objects.all_keys())


@pytest.mark.usefixtures("short")
def test_a_checkpoint_that_cannot_be_written_harms_nobody(opened: Opener, objects: ObjectServer) -> None:
    objects.fault = lambda method, path: (403, "AccessDenied") if method == "PUT" and "checkpoints" in path else None
    steps(opened("a"), 1, 5)
    assert len(opened("b").runs()) == 5


@pytest.mark.usefixtures("short")
def test_a_checkpoint_that_is_missing_is_named(opened: Opener, objects: ObjectServer) -> None:
    steps(opened("a"), 1, 4)
    objects.client.delete_object(Bucket="lake", Key=f"{BELOW}checkpoints/000000000004.db.gz")
    with pytest.raises(Stopped) as error:
        opened("b")
    assert "is missing" in complaint(error, "TRC693")


@pytest.mark.usefixtures("short")
def test_a_checkpoint_of_a_newer_trc_is_left_alone(
    opened: Opener, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps(opened("a"), 1, 4)
    monkeypatch.setattr("trc.runtime.s3store.replica.newest", lambda: 1)
    with pytest.raises(Stopped) as error:
        opened("b")
    assert f"was written by a newer trc (its version is {newest()}" in complaint(error, "TRC693")
    assert objects.all_keys()


@pytest.mark.parametrize(
    "body",
    [b"", b"no", gzip.compress(b"no database, and long enough to be one" * 9, mtime=0)],
    ids=["empty", "text", "compressed"],
)
@pytest.mark.usefixtures("short")
def test_a_checkpoint_that_is_none_is_named(opened: Opener, objects: ObjectServer, body: bytes) -> None:
    steps(opened("a"), 1, 4)
    objects.put(f"{BELOW}checkpoints/000000000004.db.gz", body)
    with pytest.raises(Stopped) as error:
        opened("b")
    assert '"checkpoints/000000000004.db.gz"' in complaint(error, "TRC693")


@pytest.mark.usefixtures("short")
def test_a_checkpoint_in_the_place_of_another_is_named(opened: Opener, objects: ObjectServer) -> None:
    steps(opened("a"), 1, 8)
    older = objects.read(f"{BELOW}checkpoints/000000000004.db.gz")
    objects.put(f"{BELOW}checkpoints/000000000008.db.gz", older)
    with pytest.raises(Stopped) as error:
        opened("b")
    assert "the copy of another place" in complaint(error, "TRC693")


@pytest.mark.usefixtures("short")
def test_a_full_disk_takes_no_step_back(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_replica: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("trc.runtime.s3store.replica.Replica.checkpoint", full)
    steps(opened("a"), 1, 5)
    assert len(opened("b").runs()) == 5


def test_tidying_writes_a_checkpoint(opened: Opener, objects: ObjectServer) -> None:
    here = opened("a")
    steps(here, 1, 3)
    assert here.tidy()
    assert f"{BELOW}checkpoints/000000000003.db.gz" in objects.all_keys()
    assert not here.tidy()
    assert sum("checkpoints" in key for key in objects.all_keys()) == 1


# What it costs


def test_a_block_is_two_requests_and_a_sign_of_life_one(opened: Opener, objects: ObjectServer) -> None:
    here = opened("a", fresh=60.0)
    objects.asked.clear()
    put(here, RUN, *(task(f"t{number}") for number in range(500)))
    assert [method for method, _ in objects.asked] == ["PUT", "PUT"]
    here.enrol(DRIVER, 1.0)
    assert [method for method, _ in objects.asked] == ["PUT", "PUT", "PUT"]
    assert len(here.tasks("r1")) == 500
    assert len(objects.asked) == 3
