"""What every state store does, the one in memory too: implementations subclass `StoreSuite`."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from trc.runtime.garbage import Store
from trc.runtime.spec import KeyPart
from trc.runtime.store.journal import (
    AttemptRecord,
    DeadLetter,
    Driver,
    Message,
    RunRecord,
    Service,
    TaskRecord,
    TaskState,
    Twin,
)
from trc.runtime.store.results import FileDigest, FileIdentity, Result, StoredOutput

RUN = RunRecord("r1", "shop", "/p/shop.yaml", "d1", "2026-01-15T00:00:00+00:00", "driver-1", 100.0)
PARTS = (KeyPart("query", "code", "sha256:1"), KeyPart("params.day", "parameters", "é\u2028'"))
OUTPUTS = (
    StoredOutput("output", "/p/out.csv", "sha256:2", 12, 3),
    StoredOutput("rest", "/p/rest.csv", "sha256:3", 0),
    StoredOutput("part", "/p/part.parquet", "sha256:4", 9, 1, ("a", "b"), "a > 1", ("view:k", "sha256:5")),
)
RESULT = Result("shop", "clean", "k1", PARTS, OUTPUTS, "r1", 1, 105.0)
LETTER = DeadLetter(
    "r1",
    "clean",
    2,
    "failed",
    {"message": "no 'space'", "exit_code": None},
    {"task": "clean", "é": [1]},
    "a\n\u2028b",
    7.5,
)
MESSAGE = Message("msg_1", "r1", "clean", "failure", "https://a.example/x?y", '{"é":"\u2028\'"}', 7.0, due_at=7.5)
DRIVER = Driver("driver-1", "here", "boot-1", 42, 4711)


class Interruption(BaseException):
    """Stands for a Ctrl-C in the middle of a block."""


def put(store: Store, *things: RunRecord | TaskRecord | AttemptRecord | Result) -> None:
    with store.transaction() as change:
        for thing in things:
            match thing:
                case RunRecord():
                    change.put_run(thing)
                case TaskRecord():
                    change.put_tasks([thing])
                case AttemptRecord():
                    change.put_attempts([thing])
                case Result():
                    change.put_results([thing])


def task(name: str, state: TaskState = "waiting", run: str = "r1", **facts: Any) -> TaskRecord:
    return TaskRecord(run, name, state)._replace(**facts)


def contents(store: Store) -> object:
    runs = store.runs()
    return (
        runs,
        [(store.tasks(run.id), store.attempts(run.id)) for run in runs],
        dict(store.drivers()),
        dict(store.latest("shop")),
        store.find("shop", "clean", "k1"),
    )


class StoreSuite:
    # Runs

    def test_an_empty_store_knows_nothing(self, store: Store) -> None:
        assert store.runs() == []
        assert store.run("r1") is None
        assert store.tasks("r1") == []
        assert store.attempts("r1") == []
        assert dict(store.drivers()) == {}
        assert dict(store.latest("shop")) == {}
        assert store.find("shop", "clean", "k1") is None
        assert dict(store.digests(["/p/a"])) == {}

    def test_a_run_is_kept_whole_and_replaced_whole(self, store: Store) -> None:
        put(store, RUN)
        assert store.run("r1") == RUN
        ended = replace(RUN, driver="driver-2", state="success", ended_at=200.5, resumed=3, asked='{"target": "ü"}')
        put(store, ended)
        assert store.run("r1") == ended
        assert store.runs() == [ended]

    def test_runs_are_listed_newest_first(self, store: Store) -> None:
        times = {"a": 3.0, "b": 1.0, "c": 2.0, "d": 2.0}
        put(store, *(replace(RUN, id=name, created_at=at) for name, at in times.items()))
        # Of two of one time, the one that was recorded later is the newer.
        assert [run.id for run in store.runs()] == ["a", "d", "c", "b"]
        assert [run.id for run in store.runs(limit=2)] == ["a", "d"]
        assert store.runs(limit=0) == []
        assert store.runs(limit=-1) == []

    def test_runs_are_chosen_by_pipeline_and_state(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2", state="failure"), replace(RUN, id="r3", pipeline="other"))
        assert [run.id for run in store.runs(pipeline="shop")] == ["r2", "r1"]
        assert [run.id for run in store.runs(state="running")] == ["r3", "r1"]
        assert [run.id for run in store.runs(pipeline="shop", state="failure")] == ["r2"]
        assert store.runs(pipeline="Shop") == []

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ("abc", "abc"),
            ("abcd", "abcd"),
            ("abcde", None),
            ("ab", None),
            ("x", "x%1"),
            ("x%", "x%1"),
            ("x_", None),
            ("X", None),
            ("", None),
            ("ü", "üç"),
        ],
    )
    def test_a_run_is_found_by_a_beginning_that_only_it_has(self, store: Store, asked: str, found: str | None) -> None:
        put(store, *(replace(RUN, id=name) for name in ("abc", "abcd", "x%1", "üç")))
        run = store.run(asked)
        assert (run and run.id) == found

    def test_a_run_is_driven_by_one_driver_until_its_end(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2", state="failure"))
        with store.transaction() as change:
            assert change.drives("r1", "driver-1")
            assert not change.drives("r1", "driver-2")
            assert not change.drives("r2", "driver-1")
            assert not change.drives("r3", "driver-1")
            change.put_run(replace(RUN, driver="driver-2"))
            assert not change.drives("r1", "driver-1")

    def test_what_is_wished_of_a_run_is_what_was_said_last(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2"))
        assert store.wish("r1") == "run"
        for wanted in ("pause", "cancel", "run"):
            with store.transaction() as change:
                change.put_wish("r1", wanted)
            assert store.wish("r1") == wanted
        assert store.wish("r2") == "run"
        with pytest.raises(ValueError, match="not recorded"), store.transaction() as change:
            change.put_wish("r3", "cancel")

    def test_a_wish_of_one_task_is_kept_until_the_next(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2"))
        assert store.task_wishes("r1") == {}
        with store.transaction() as change:
            change.put_task_wish("r1", "clean", "pause")
            change.put_task_wish("r1", "load", "cancel")
            change.put_task_wish("r2", "clean", "cancel")
            change.put_task_wish("r1", "clean", "run")
        assert store.task_wishes("r1") == {"clean": "run", "load": "cancel"}
        with store.transaction() as change:
            change.forget_task_wishes("r1")
            change.forget_task_wishes("r3")
        assert store.task_wishes("r1") == {}
        with store.transaction() as change:
            change.put_run(replace(RUN, id="r2", state="canceled"))
            change.forget_runs(["r2"])
        assert store.task_wishes("r2") == {}
        with pytest.raises(ValueError, match="not recorded"), store.transaction() as change:
            change.put_task_wish("r3", "clean", "cancel")

    def test_a_run_is_found_by_the_key_that_it_was_submitted_under(self, store: Store) -> None:
        first = replace(RUN, submission="monday")
        put(store, first, replace(RUN, id="r2"), replace(RUN, id="r3", pipeline="other", submission="monday"))
        assert store.submitted("shop", "monday") == first
        assert store.submitted("shop", "tuesday") is None
        assert store.submitted("nobody", "monday") is None
        found = store.submitted("other", "monday")
        assert found is not None
        assert found.id == "r3"

    # What is forgotten

    def test_runs_are_forgotten_with_all_that_is_of_them_unless_they_go_on(self, store: Store) -> None:
        put(store, replace(RUN, state="success"), replace(RUN, id="r2"), replace(RUN, id="r3", state="failure"))
        for run in ("r1", "r2", "r3"):
            put(store, task("clean", run=run), AttemptRecord(run, "clean", 1, f"{run}.1", "success"))
        with store.transaction() as change:
            change.put_letters([LETTER, replace(LETTER, run="r3")])
            change.put_wish("r1", "pause")
            change.acquire(["/p/a"], "r1", "driver-1")
        with suppress(Interruption), store.transaction() as change:
            change.forget_runs(["r1"])
            raise Interruption
        assert store.run("r1") is not None
        assert len(store.letters()) == 2
        with store.transaction() as change:
            change.forget_runs(["r1", "r2", "nobody"])
        assert {run.id for run in store.runs()} == {"r2", "r3"}
        assert (store.tasks("r1"), store.attempts("r1"), store.letters(run="r1")) == ([], [], [])
        assert store.wish("r1") == "run"
        for run in ("r2", "r3"):
            assert len(store.tasks(run)) == len(store.attempts(run)) == 1
        assert [one.run for one in store.letters()] == ["r3"]

    def test_results_are_forgotten_but_for_the_last_of_each_task(self, store: Store) -> None:
        put(store, RUN)
        ages = {"k1": 10.0, "k2": 20.0, "k3": 30.0}
        for key, at in ages.items():
            put(store, replace(RESULT, key=key, committed_at=at))
        put(store, replace(RESULT, task="load", key="k0", committed_at=1.0))
        with store.transaction() as change:
            assert change.forget_results(20.0) == 0, "a run of the pipeline goes on"
        put(store, replace(RUN, state="success"), replace(RUN, id="r2", pipeline="other"))
        with store.transaction() as change:
            assert change.forget_results(20.0) == 1
        assert [key for key in ages if store.find("shop", "clean", key)] == ["k2", "k3"]
        with store.transaction() as change:
            assert change.forget_results(1e9) == 1
        assert [key for key in ages if store.find("shop", "clean", key)] == ["k3"]
        assert store.find("shop", "load", "k0") is not None
        assert dict(store.latest("shop")).keys() == {"clean", "load"}

    def test_digests_are_forgotten_by_path(self, store: Store) -> None:
        known = FileDigest(FileIdentity(1, 2, 3, 4, 5), "sha256:1", 6, "boot")
        store.put_digests({"/p/b": known, "/p/a": known})
        assert store.digest_paths() == ["/p/a", "/p/b"]
        store.forget_digests(["/p/a", "/p/c"])
        assert store.digest_paths() == ["/p/b"]

    # Dead letters

    def test_letters_are_kept_whole_newest_first(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2"))
        with store.transaction() as change:
            change.put_letters([LETTER, replace(LETTER, task="load", order=None, kind="unknown_outcome")])
            change.put_letters([replace(LETTER, run="r2", attempt=7, died_at=9.0)])
        found = store.letters()
        assert [(one.run, one.task, one.attempt) for one in found] == [
            ("r2", "clean", 7),
            ("r1", "load", 2),
            ("r1", "clean", 2),
        ]
        assert [replace(one, number=0) for one in found[1:]] == [
            replace(LETTER, task="load", order=None, kind="unknown_outcome"),
            LETTER,
        ]
        assert [store.letter(one.number) for one in found] == found
        assert store.letter(0) is None
        assert store.letters(run="r1") == found[1:]
        assert store.letters(limit=1) == found[:1]
        assert store.letters(limit=-1) == []

    def test_a_letter_is_settled_once(self, store: Store) -> None:
        put(store, RUN)
        with store.transaction() as change:
            change.put_letters([LETTER, replace(LETTER, task="load")])
            change.settle_letters("r1", "clean", "dropped", 50.0)
            change.settle_letters("r1", "clean", "replayed", 60.0)
            change.settle_letters("r1", "nobody", "dropped", 60.0)
        assert [one.task for one in store.letters()] == ["load"]
        settled = [one for one in store.letters(settled=True) if one.task == "clean"]
        assert [(one.state, one.settled_at) for one in settled] == [("dropped", 50.0)]

    def test_a_letter_takes_the_place_of_an_open_one_of_its_task(self, store: Store) -> None:
        put(store, RUN)
        with store.transaction() as change:
            change.put_letters([LETTER])
        with store.transaction() as change:
            change.put_letters([replace(LETTER, attempt=4, died_at=99.0)])
        assert [one.attempt for one in store.letters()] == [4]
        states = {one.attempt: (one.state, one.settled_at) for one in store.letters(settled=True)}
        assert states == {4: ("open", None), 2: ("replayed", 99.0)}

    def test_letters_are_part_of_their_block(self, store: Store) -> None:
        put(store, RUN)
        with store.transaction() as change:
            change.put_letters([LETTER])
        with suppress(Interruption), store.transaction() as change:
            change.put_letters([replace(LETTER, attempt=4)])
            change.settle_letters("r1", "clean", "dropped", 1.0)
            raise Interruption
        assert [(one.attempt, one.state) for one in store.letters(settled=True)] == [(2, "open")]

    # Messages

    def test_messages_are_kept_whole_newest_first(self, store: Store) -> None:
        others = [
            replace(
                MESSAGE, id="msg_2", task=None, event="start", tries=3, taken_by="driver-1", error="it answered 503"
            ),
            replace(MESSAGE, id="msg_3", run="r2", state="dead", settled_at=9.5),
        ]
        put(store, RUN, replace(RUN, id="r2"))
        with store.transaction() as change:
            change.put_messages([MESSAGE, others[0]])
            change.put_messages(others[1:])
        first, second, third = (replace(one, number=number) for number, one in enumerate((MESSAGE, *others), start=1))
        assert store.messages() == [third, second, first]
        assert store.messages(run="r1") == [second, first]
        assert store.messages(state="pending") == [second, first]
        assert store.messages(run="r1", state="dead") == []
        assert store.messages(limit=1) == [third]
        assert store.messages(limit=-1) == []

    def test_a_message_is_written_down_once(self, store: Store) -> None:
        put(store, RUN)
        with store.transaction() as change:
            change.put_messages([MESSAGE, replace(MESSAGE, body="other")])
        with store.transaction() as change:
            change.put_messages([replace(MESSAGE, body="other", state="dead")])
        assert store.messages() == [replace(MESSAGE, number=1)]

    def test_messages_are_part_of_their_block(self, store: Store) -> None:
        put(store, RUN)
        with suppress(Interruption), store.transaction() as change:
            change.put_run(replace(RUN, state="failure"))
            change.put_messages([MESSAGE])
            raise Interruption
        assert store.messages() == []
        assert store.next_message_at() is None
        assert store.runs() == [RUN]
        with pytest.raises(ValueError, match="a run that is not recorded"), store.transaction() as change:
            change.put_messages([replace(MESSAGE, run="never")])

    def test_messages_that_are_due_are_taken_by_one_the_longest_due_first(self, store: Store) -> None:
        put(store, RUN)
        due = {"a": 3.0, "b": 1.0, "c": 9.0, "d": 1.0}
        with store.transaction() as change:
            change.put_messages([replace(MESSAGE, id=name, due_at=at) for name, at in due.items()])
        assert store.next_message_at() == 1.0
        with store.transaction() as change:
            taken = change.take_messages("driver-1", 3.0, 60.0, 2)
            assert [one.id for one in taken] == ["b", "d"]
            assert {(one.taken_by, one.due_at) for one in taken} == {("driver-1", 60.0)}
        with store.transaction() as change:
            assert [one.id for one in change.take_messages("driver-2", 3.0, 60.0, 9)] == ["a"]
            assert change.take_messages("driver-3", 3.0, 60.0, 9) == []
        assert store.next_message_at() == 9.0
        # Who has taken them and says nothing more has lost them.
        with store.transaction() as change:
            assert [one.id for one in change.take_messages("driver-3", 60.0, 120.0, 9)] == ["c", "a", "b", "d"]

    def test_what_a_dead_driver_had_taken_is_due(self, store: Store) -> None:
        put(store, RUN)
        with store.transaction() as change:
            change.put_messages([replace(MESSAGE, id=name) for name in "ab"])
            change.take_messages("driver-1", 8.0, 60.0, 1)
            change.take_messages("driver-2", 8.0, 60.0, 1)
            change.free_messages("driver-1", 9.0)
        assert [(one.id, one.taken_by, one.due_at) for one in store.messages()] == [
            ("b", "driver-2", 60.0),
            ("a", None, 9.0),
        ]

    def test_a_message_that_is_settled_stays_so_until_it_is_renewed(self, store: Store) -> None:
        put(store, RUN)
        with store.transaction() as change:
            change.put_messages([MESSAGE])
            (taken,) = change.take_messages("driver-1", 8.0, 60.0, 1)
            failed = replace(taken, tries=1, due_at=12.0, taken_by=None, error="it answered 503")
            change.put_tried([failed])
        assert store.messages() == [failed]
        delivered = replace(failed, state="delivered", tries=2, error="", settled_at=13.0)
        for late in (delivered, failed, replace(failed, state="dead")):
            with store.transaction() as change:
                change.put_tried([late])
        assert store.messages() == [delivered]
        assert store.next_message_at() is None
        with store.transaction() as change:
            assert change.take_messages("driver-1", 1e9, 2e9, 9) == []
            change.free_messages("driver-1", 1e9)
            change.renew_messages([1, 99], 20.0)
        assert store.messages() == [replace(MESSAGE, number=1, due_at=20.0)]

    def test_messages_are_forgotten_with_their_run(self, store: Store) -> None:
        put(store, replace(RUN, state="success"), replace(RUN, id="r2"))
        with store.transaction() as change:
            change.put_messages([MESSAGE, replace(MESSAGE, id="msg_2", run="r2")])
            change.forget_runs(["r1", "r2"])
        assert [one.id for one in store.messages()] == ["msg_2"]

    # Tasks and attempts

    def test_a_task_is_kept_whole_and_replaced_whole(self, store: Store) -> None:
        put(store, RUN)
        bare = task("clean")
        put(store, bare)
        assert store.tasks("r1") == [bare]
        full = TaskRecord(
            "r1",
            "clean",
            "failure",
            2,
            "token",
            1,
            {"code": "changed", "changes": [["query", None, "ü"]]},
            {"message": "no 'space'", "exit_code": None, "nested": {"a": [1, 2.5, True]}},
            "root",
            1.25,
            2.5,
            before=3,
        )
        put(store, full)
        assert store.tasks("r1") == [full]
        put(store, bare)
        assert store.tasks("r1") == [bare]

    def test_an_empty_error_is_not_no_error(self, store: Store) -> None:
        put(store, RUN, task("clean", error={}), task("load", error=None))
        assert [one.error for one in store.tasks("r1")] == [{}, None]

    def test_tasks_keep_the_order_in_which_they_were_first_put(self, store: Store) -> None:
        put(store, RUN)
        names = ["m", "z", "a", "Z"]
        with store.transaction() as change:
            change.put_tasks([task(name) for name in names])
        put(store, task("z", "running"), task("b"), task("m", "running"))
        assert [one.task for one in store.tasks("r1")] == [*names, "b"]

    def test_attempts_are_kept_whole_oldest_first(self, store: Store) -> None:
        put(store, RUN)
        first = AttemptRecord("r1", "load", 1, "t1", "claimed", "/p/1.log", 1.0)
        second = AttemptRecord("r1", "clean", 1, "t2", "running", "", 1.0, 2.0)
        third = AttemptRecord(
            "r1", "load", 2, "t3", "success", "", 3.0, 4.0, 5.0, {"values": {"n": 1}, "failure": None}
        )
        put(store, first, second, third)
        assert store.attempts("r1") == [first, second, third]
        lost = first._replace(state="lost", ended_at=2.0, result={})
        put(store, lost)
        assert store.attempts("r1") == [lost, second, third]
        assert store.attempts("r1", "load") == [lost, third]
        assert store.attempts("r1", "none") == []

    def test_runs_do_not_see_each_other(self, store: Store) -> None:
        other = replace(RUN, id="r2")
        put(store, RUN, other, task("clean"), task("clean", "running", run="r2"))
        put(store, AttemptRecord("r2", "clean", 1, "t", "running"))
        assert [one.state for one in store.tasks("r1")] == ["waiting"]
        assert store.attempts("r1") == []

    @pytest.mark.parametrize("record", [task("clean"), AttemptRecord("r1", "clean", 1, "t", "claimed")])
    def test_a_part_of_a_run_that_was_never_opened_is_refused(
        self, store: Store, record: TaskRecord | AttemptRecord
    ) -> None:
        with pytest.raises(ValueError, match="a run that is not recorded"):
            put(store, record)
        assert store.runs() == []
        assert store.tasks("r1") == []

    # Transactions

    @pytest.mark.parametrize("error", [ValueError("no"), Interruption()])
    def test_a_block_that_raises_changes_nothing(self, store: Store, error: BaseException) -> None:
        put(store, RUN, task("clean", "claimed", token="t"), AttemptRecord("r1", "clean", 1, "t", "claimed"), RESULT)
        with store.transaction() as change:
            assert not change.acquire(["/p/out.csv"], "r1", "driver-1")
        before = contents(store)

        def fail() -> None:
            with store.transaction() as change:
                change.put_run(replace(RUN, state="success"))
                change.put_run(replace(RUN, id="r2"))
                change.put_tasks([task("clean", "success"), task("load"), task("clean", run="r2")])
                change.put_attempts([AttemptRecord("r1", "clean", 1, "t", "success", result={})])
                change.put_attempts([AttemptRecord("r1", "clean", 2, "t", "success")])
                change.put_results([replace(RESULT, key="k2")])
                change.put_results([replace(RESULT, committed_at=999.0)])
                change.put_results([replace(RESULT, task="load")])
                change.release("r1")
                assert not change.acquire(["/p/out.csv", "/p/new.csv"], "r2", "driver-1")
                raise error

        with pytest.raises(type(error)):
            fail()
        assert contents(store) == before
        put(store, replace(RUN, id="r3"))
        with store.transaction() as change:
            assert change.acquire(["/p/out.csv", "/p/new.csv"], "r3", "driver-1") == {"/p/out.csv": "r1"}

    def test_a_block_sees_its_own_changes(self, store: Store) -> None:
        with store.transaction() as change:
            change.put_run(RUN)
            change.put_tasks([task("clean", "claimed", token="t")])
            assert change.permitted("r1", {"clean": "t"}) == {"t"}
            assert store.run("r1") == RUN

    def test_an_empty_block_is_fine(self, store: Store) -> None:
        with store.transaction() as change:
            change.put_tasks([])
            change.put_attempts([])
        assert store.runs() == []

    # Fencing

    @pytest.mark.parametrize(
        ("task_state", "token", "run_state", "current"),
        [
            ("claimed", "t2", "running", True),
            ("running", "t2", "running", True),
            ("running", "t1", "running", False),
            ("running", "", "running", False),
            ("pending", "t2", "running", False),
            ("waiting", "t2", "running", False),
            ("success", "t2", "running", False),
            ("failure", "t2", "running", False),
            ("canceled", "t2", "running", False),
            ("skipped", "t2", "running", False),
            ("running", "t2", "abandoned", False),
            ("running", "t2", "canceled", False),
            ("running", "t2", "success", False),
        ],
    )
    def test_only_the_current_attempt_of_a_living_task_may_publish(
        self, store: Store, task_state: TaskState, token: str, run_state: object, *, current: bool
    ) -> None:
        run = replace(RUN, state=run_state)  # type: ignore[arg-type]
        put(store, run, task("clean", task_state, attempt=2, token="t2"))
        with store.transaction() as change:
            assert change.permitted("r1", {"clean": token, "load": token}) == ({token} if current else set())
            assert not change.permitted("r1", {"load": token})
            assert not change.permitted("r2", {"clean": token})

    def test_a_task_without_a_token_has_no_current_attempt(self, store: Store) -> None:
        put(store, RUN, task("clean", "running"))
        with store.transaction() as change:
            assert not change.permitted("r1", {"clean": ""})
            assert not change.permitted("r1", {"clean": "None"})

    def test_of_many_attempts_each_is_judged_by_itself(self, store: Store) -> None:
        names = [f"t{number}" for number in range(1000)]
        put(store, RUN, *(task(name, "running", token=f"{name}.1") for name in names))
        with store.transaction() as change:
            asked = {name: f"{name}.{1 + number % 2}" for number, name in enumerate(names)}
            assert change.permitted("r1", asked) == {f"{name}.1" for name in names[::2]}
            assert change.permitted("r1", {}) == frozenset()

    # Leases of output locations

    def test_locations_are_taken_all_or_none(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2"))
        with store.transaction() as change:
            assert not change.acquire(["/a", "/b"], "r1", "driver-1")
        with store.transaction() as change:
            assert dict(change.acquire(["/c", "/b"], "r2", "driver-2")) == {"/b": "r1"}
        with store.transaction() as change:
            assert not change.acquire(["/c"], "r1", "driver-1")

    def test_a_run_may_take_what_it_holds_again(self, store: Store) -> None:
        put(store, RUN)
        for driver in ("driver-1", "driver-2"):
            with store.transaction() as change:
                assert not change.acquire(["/a", "/b", "/a"], "r1", driver)

    def test_released_locations_are_free(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2"))
        with store.transaction() as change:
            change.acquire(["/a", "/b"], "r1", "driver-1")
            change.release("r1")
            change.release("never")
            assert not change.acquire(["/a", "/b"], "r2", "driver-2")
        with store.transaction() as change:
            change.release("r1")
            assert dict(change.acquire(["/a"], "r1", "driver-1")) == {"/a": "r2"}

    @pytest.mark.parametrize("state", ["success", "failure", "canceled", "abandoned"])
    def test_a_run_that_ended_holds_nothing(self, store: Store, state: object) -> None:
        put(store, RUN, replace(RUN, id="r2"))
        with store.transaction() as change:
            change.acquire(["/a"], "r1", "driver-1")
            change.put_run(replace(RUN, state=state))  # type: ignore[arg-type]
            assert not change.acquire(["/a"], "r2", "driver-2")
        with store.transaction() as change:
            change.release("r1")
            change.put_run(RUN)
            assert dict(change.acquire(["/a"], "r1", "driver-1")) == {"/a": "r2"}

    def test_nothing_wanted_is_always_free(self, store: Store) -> None:
        put(store, RUN)
        with store.transaction() as change:
            assert not change.acquire([], "r1", "driver-1")

    def test_a_run_that_was_never_opened_takes_nothing(self, store: Store) -> None:
        with pytest.raises(ValueError, match="a run that is not recorded"), store.transaction() as change:
            change.acquire(["/a"], "r1", "driver-1")

    # Room under concurrency rules

    def test_room_is_taken_up_to_the_number_and_given_back(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2"))
        with store.transaction() as change:
            assert change.take_room("r1", "a.1", {"g": 2}) is None
            assert change.take_room("r2", "x.1", {"g": 2, "h": 1}) is None
            assert change.take_room("r1", "b.1", {"g": 2}) == "g"
            assert change.take_room("r1", "c.1", {"h": 1}) == "h"
            assert change.take_room("r1", "d.1", {"i": 1}) is None
        assert store.takers(["g"]) == {"r1", "r2"}
        assert store.takers(["h", "i"]) == {"r1", "r2"}
        assert store.takers(["j"]) == frozenset()
        with store.transaction() as change:
            change.free_room("x.1")
            change.free_room("never")
            assert change.take_room("r1", "b.1", {"g": 2}) is None
            assert change.take_room("r1", "c.1", {"h": 1}) is None

    def test_who_lacks_one_place_takes_none(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2"))
        with store.transaction() as change:
            change.take_room("r1", "a.1", {"h": 1})
            assert change.take_room("r2", "b.1", {"g": 1, "h": 1}) == "h"
            change.leave_line("r2", ["h", "g"])
            assert change.take_room("r1", "c.1", {"g": 1}) is None

    def test_who_came_first_is_served_first(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2"), replace(RUN, id="r3"))
        with store.transaction() as change:
            assert change.take_room("r1", "a.1", {"g": 1}) is None
            assert change.take_room("r2", "b.1", {"g": 1}) == "g"
            assert change.take_room("r3", "c.1", {"g": 1}) == "g"
            change.free_room("a.1")
            assert change.take_room("r1", "d.1", {"g": 1}) == "g"
            assert change.take_room("r3", "c.1", {"g": 1}) == "g"
            assert change.take_room("r2", "e.1", {"g": 1}) is None
            change.free_room("e.1")
            assert change.take_room("r2", "b.1", {"g": 1}) == "g"
            assert change.take_room("r3", "c.1", {"g": 1}) is None

    def test_two_that_wait_for_two_groups_do_not_wait_for_each_other(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2"))
        both = {"g": 1, "h": 1}
        with store.transaction() as change:
            change.take_room("r1", "a.1", {"g": 1})
            change.take_room("r2", "b.1", {"h": 1})
            assert change.take_room("r1", "c.1", both) == "g"
            assert change.take_room("r2", "d.1", {"h": 1, "g": 1}) == "h"
            change.free_room("a.1")
            change.free_room("b.1")
            assert change.take_room("r2", "d.1", both) == "g"
            assert change.take_room("r1", "c.1", both) is None

    @pytest.mark.parametrize("way", ["release", "free_room_of", "end"])
    def test_a_run_that_is_done_takes_no_room_and_keeps_nobody_waiting(self, store: Store, way: str) -> None:
        put(store, RUN, replace(RUN, id="r2"), replace(RUN, id="r3"))
        with store.transaction() as change:
            change.take_room("r1", "a.1", {"g": 1})
            assert change.take_room("r1", "b.1", {"g": 1}) == "g"
            assert change.take_room("r2", "x.1", {"g": 1}) == "g"
        with store.transaction() as change:
            if way == "end":
                change.put_run(replace(RUN, state="success"))
            else:
                getattr(change, way)("r1")
            assert change.take_room("r2", "x.1", {"g": 1}) is None
            change.forget_runs(["r1", "r2"])
            assert change.take_room("r3", "y.1", {"g": 1}) == "g"

    def test_room_that_is_taken_in_a_transaction_that_fails_is_free(self, store: Store) -> None:
        put(store, RUN)
        with suppress(ValueError), store.transaction() as change:
            change.take_room("r1", "a.1", {"g": 1})
            change.put_wish("never", "pause")
        with store.transaction() as change:
            assert change.take_room("r1", "a.1", {"g": 1}) is None

    # Equal tasks, and services

    def test_twins_are_told_with_the_state_of_their_tasks_the_first_put_first(self, store: Store) -> None:
        put(store, RUN, replace(RUN, id="r2"))
        error = {"message": "no", "kind": "temporary"}
        with store.transaction() as change:
            for run, task in (("r2", "b"), ("r1", "a"), ("r1", "c")):
                change.put_twin(Twin("g", run, task, f"key-{task}"))
            change.put_twin(Twin("h", "r1", "a", "key-a"))
            change.put_tasks([TaskRecord("r1", "a", "failure", 2, error=error), TaskRecord("r2", "b", "running", 1)])
        with store.transaction() as change:
            change.put_run(replace(RUN, state="failure"))
            assert change.twins("g") == [
                Twin("g", "r2", "b", "key-b", "running", 1),
                Twin("g", "r1", "a", "key-a", "failure", 2, error, "failure"),
                Twin("g", "r1", "c", "key-c", "waiting", 0, None, "failure"),
            ]
            assert [one.task for one in change.twins("h")] == ["a"]
            assert change.twins("i") == []
            change.drop_twins([Twin("g", "r1", "c", ""), Twin("g", "r2", "never", "")])
            change.put_twin(Twin("g", "r2", "b", "other"))
            assert [(one.task, one.key) for one in change.twins("g")] == [("a", "key-a"), ("b", "other")]
            change.forget_runs(["r1", "r2"])
            assert [one.run for one in change.twins("g")] == ["r2"]

    def test_a_twin_of_a_run_that_was_never_opened_is_refused(self, store: Store) -> None:
        with pytest.raises(ValueError, match="a run that is not recorded"), store.transaction() as change:
            change.put_twin(Twin("g", "never", "a", ""))

    def test_a_service_stands_as_it_was_put_last(self, store: Store) -> None:
        put(store, RUN)
        down = Service("g", "crm", "half_open", (1.5, 2.5), 9.25, 3, "r1", "a.1")
        with store.transaction() as change:
            assert change.service("g") is None
            change.put_service(Service("g", "crm"))
            change.put_service(Service("h", "other", "half_open", (), 7.0, 1, "r2", "b.1"))
            change.put_service(down)
        with suppress(ValueError), store.transaction() as change:
            change.put_service(Service("g", "crm"))
            change.put_wish("never", "pause")
        with store.transaction() as change:
            assert change.service("g") == down
        assert store.services() == [down, Service("h", "other", "half_open", (), 7.0, 1, "r2", "b.1")]

    def test_a_run_that_is_done_probes_nothing(self, store: Store) -> None:
        put(store, RUN)
        with store.transaction() as change:
            for name, run in (("g", "r1"), ("h", "r2")):
                change.put_service(Service(name, name, "half_open", (), 99.0, 1, run, "a.1"))
            change.release("r1")
            assert change.service("g") == Service("g", "g", "half_open", (), 0.0, 1)
            assert change.service("h") == Service("h", "h", "half_open", (), 99.0, 1, "r2", "a.1")

    # Drivers

    def test_drivers_are_known_with_the_end_of_their_lease(self, store: Store) -> None:
        other = Driver("driver-2", "there", "", 1, 2)
        store.enrol(DRIVER, 130.0)
        store.enrol(other, 120.0)
        store.enrol(DRIVER, 140.5)
        assert dict(store.drivers()) == {"driver-1": (DRIVER, 140.5), "driver-2": (other, 120.0)}

    # Results

    def test_a_result_is_found_by_its_key(self, store: Store) -> None:
        put(store, RESULT)
        found = store.find("shop", "clean", "k1")
        assert found == RESULT
        assert found is not None
        assert tuple(found.parts) == PARTS
        assert len(found.parts) == 2
        assert found.parts[-1] == PARTS[-1]
        assert found.parts[:1] == PARTS[:1]
        assert hash(found.parts) == hash(PARTS)
        assert store.find("shop", "clean", "k2") is None
        assert store.find("shop", "load", "k1") is None
        assert store.find("other", "clean", "k1") is None

    def test_a_result_of_no_parts_and_no_outputs_is_kept(self, store: Store) -> None:
        bare = replace(RESULT, parts=(), outputs=())
        put(store, bare)
        assert store.find("shop", "clean", "k1") == bare

    def test_the_latest_result_is_the_one_committed_last(self, store: Store) -> None:
        second = replace(RESULT, key="k2", committed_at=1.0)
        put(store, RESULT, second)
        # What counts is the order of the commits: clocks may be set back.
        assert dict(store.latest("shop")) == {"clean": second}
        again = replace(RESULT, run="r2", attempt=4, committed_at=2.0, outputs=OUTPUTS[:1])
        put(store, again)
        assert dict(store.latest("shop")) == {"clean": again}
        assert store.find("shop", "clean", "k1") == again
        assert store.find("shop", "clean", "k2") == second

    def test_the_latest_results_are_those_of_one_pipeline(self, store: Store) -> None:
        load = replace(RESULT, task="load")
        put(store, RESULT, load, replace(RESULT, pipeline="other"))
        assert dict(store.latest("shop")) == {"clean": RESULT, "load": load}

    def test_what_was_found_can_be_committed_again(self, store: Store) -> None:
        put(store, RESULT)
        found = store.latest("shop")["clean"]
        put(store, replace(found, pipeline="copy"))
        assert store.find("copy", "clean", "k1") == replace(RESULT, pipeline="copy")

    # Digests of files

    def test_digests_are_kept_by_path(self, store: Store) -> None:
        known = FileDigest(FileIdentity(5, 10**18, 10**18 + 1, 2**64 - 1, 2**63), "sha256:1", 10**18 + 2, "boot-1")
        newer = FileDigest(FileIdentity(0, -1, 0, 2**63 - 1, 0), "sha256:2", 2, "boot-2")
        store.put_digests({"/a": known, "/é b": known})
        store.put_digests({"/a": newer})
        store.put_digests({})
        assert dict(store.digests(["/a", "/é b", "/c"])) == {"/a": newer, "/é b": known}
        assert dict(store.digests([])) == {}

    def test_digests_of_very_many_files_are_found_at_once(self, store: Store) -> None:
        known = FileDigest(FileIdentity(1, 2, 3, 4, 5), "sha256:1", 6, "boot-1")
        many = {f"/d/{number}": known for number in range(40_000)}
        store.put_digests(many)
        assert dict(store.digests(many)) == many

    def test_a_file_whose_name_is_not_text_may_be_forgotten_but_harms_nothing(self, store: Store) -> None:
        known = FileDigest(FileIdentity(1, 2, 3, 4, 5), "sha256:1", 6, "boot-1")
        odd = b"/d/\xff".decode(errors="surrogateescape")
        store.put_digests({odd: known, "/d/a": known})
        assert store.digests([odd, "/d/a"])["/d/a"] == known
        assert store.digests([odd]).get(odd, known) == known
