"""The planner's answers, each with the reason that is told to the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import pytest

from trc.compiler.passes.draft import WHOLE, Shape
from trc.runtime.fingerprint import key_of
from trc.runtime.forecast import forecast
from trc.runtime.keeping import Keeping
from trc.runtime.listing import Dataset, Missing
from trc.runtime.planner import MaySkip, MustRun, Planner
from trc.runtime.reasons import Reason
from trc.runtime.spec import KeyPart, OutputSpec, PipelineSpec, ReadSpec, SecretSpec, SkipSpec, TaskSpec
from trc.runtime.store.results import VIEW, FileIdentity, Result, StoredOutput

SKIPPABLE = SkipSpec(can_skip=True)


@dataclass
class FileTable:
    """Files as path → digest, so that each answer can be set up in a line."""

    digests: dict[str, str] = field(default_factory=dict)

    def list(self, uri: str) -> Sequence[str]:
        return sorted(path for path in self.digests if path == uri or fnmatchcase(path, uri))

    def digest(self, path: str) -> str | None:
        return self.digests.get(path)

    def content(self, path: str) -> tuple[FileIdentity, str] | None:
        digest = self.digests.get(path)
        return None if digest is None else (FileIdentity(1, 1, 1, 1, 1), digest)


CLEAN = TaskSpec(
    "clean",
    "duckdb_sql",
    "m:f",
    (KeyPart("sql", "code", "SELECT 1"), KeyPart("params.n", "parameters", "1")),
    SKIPPABLE,
    reads=(ReadSpec("orders", "csv", uri="/p/orders.csv"),),
    outputs=(OutputSpec("output", "parquet"),),
)
REPORT = TaskSpec(
    "report",
    "duckdb_sql",
    "m:f",
    (KeyPart("sql", "code", "SELECT 2"),),
    SKIPPABLE,
    reads=(ReadSpec("clean", "parquet", producer=("clean", "output")),),
    outputs=(OutputSpec("output", "csv", "/p/report.csv"),),
)


class World:
    """A pipeline of two tasks that both succeeded, and what can happen to it afterwards."""

    def __init__(self) -> None:
        self.clean, self.report = CLEAN, REPORT
        self.files = FileTable({"/p/orders.csv": "d:orders", "/s/clean": "d:clean", "/p/report.csv": "d:report"})
        self.now = 1000.0
        self.force = False
        self.kept: dict[str, Result] = {}
        self.version: str | Reason = "v1"
        self.keepings: dict[str, Keeping] = {}
        """How outputs are kept from now on."""
        self.results: list[Result] = []
        planner = self.planner()
        self.commit(planner, self.clean, StoredOutput("output", "/s/clean", "d:clean", 1))
        self.commit(planner, self.report, StoredOutput("output", "/p/report.csv", "d:report", 1))

    def commit(self, planner: Planner, task: TaskSpec, output: StoredOutput) -> None:
        inputs = planner.inputs(task, self.upstream())
        assert not isinstance(inputs, Missing)
        self.results.append(Result("p", task.name, inputs.key, inputs.parts, (output,), "r1", 1, self.now))

    def upstream(self) -> Mapping[Dataset, StoredOutput]:
        return {("clean", "output"): StoredOutput("output", "/s/clean", self.files.digests.get("/s/clean", ""), 1)}

    def planner(self) -> Planner:
        spec = PipelineSpec("p", "p.yaml", "/p", (self.clean, self.report), "digest")
        stored = {result.task: result for result in self.results}

        def find(pipeline: str, task: str, key: str) -> Result | None:
            found = [one for one in self.results if (one.pipeline, one.task, one.key) == (pipeline, task, key)]
            return found[-1] if found else None

        return Planner(
            spec,
            self.files,
            stored,
            find,
            self.now,
            self.force,
            self.kept,
            lambda _ref: self.version,
            keepings=dict(self.keepings),
        )

    def store_clean(self, output: StoredOutput) -> None:
        """What is stored of `clean`, under the key that it has."""
        self.results[0] = replace(self.results[0], outputs=(output,))

    def forecast(self) -> dict[str, tuple[str, str]]:
        plan = forecast(self.planner(), "2026-01-01T00:00:00+00:00")
        return {task.task: (task.action, task.reason.code) for task in plan.tasks}


@pytest.fixture
def world() -> World:
    return World()


SKIPPED = ("skip", "up_to_date")


def test_nothing_changed_skips_everything(world: World) -> None:
    assert world.forecast() == {"clean": SKIPPED, "report": SKIPPED}


def test_what_is_decided_after_a_forecast_is_decided_by_what_files_are_then(world: World) -> None:
    planner = world.planner()
    forecast(planner, "2026-01-01T00:00:00+00:00")
    world.files.digests["/p/orders.csv"] = "d:new"
    assert isinstance(planner.decide(world.clean, {}), MustRun)


def test_never_run_runs(world: World) -> None:
    world.results.clear()
    assert world.forecast() == {"clean": ("run", "first"), "report": ("run", "first")}


def test_changed_input_runs_its_reader_and_may_run_the_next(world: World) -> None:
    world.files.digests["/p/orders.csv"] = "d:new"
    assert world.forecast() == {"clean": ("run", "changed"), "report": ("maybe", "upstream_runs")}
    decision = world.planner().decide(world.clean, {})
    assert isinstance(decision, MustRun)
    assert [change.field for change in decision.reason.changes] == ["inputs.orders[orders.csv]"]


def test_equal_output_of_a_task_that_ran_again_cuts_off(world: World) -> None:
    world.files.digests["/p/orders.csv"] = "d:new"
    assert isinstance(world.planner().decide(world.report, world.upstream()), MaySkip)


def test_changed_upstream_output_runs_the_reader(world: World) -> None:
    world.files.digests["/s/clean"] = "d:other"
    decision = world.planner().decide(world.report, world.upstream())
    assert isinstance(decision, MustRun)
    assert [change.field for change in decision.reason.changes] == ["upstream.clean"]


def test_own_change_runs_whatever_the_upstream_does(world: World) -> None:
    world.files.digests["/p/orders.csv"] = "d:new"
    world.report = replace(REPORT, key_parts=(KeyPart("sql", "code", "SELECT 3"),))
    assert world.forecast()["report"] == ("run", "changed")


@pytest.mark.parametrize(
    ("path", "digest", "reason"),
    [("/p/report.csv", None, "output_missing"), ("/p/report.csv", "d:edited", "output_changed")],
)
def test_output_that_is_not_as_recorded_runs(world: World, path: str, digest: str | None, reason: str) -> None:
    del world.files.digests[path]
    if digest:
        world.files.digests[path] = digest
    assert world.forecast() == {"clean": SKIPPED, "report": ("run", reason)}


def test_missing_source_blocks(world: World) -> None:
    del world.files.digests["/p/orders.csv"]
    assert world.forecast()["clean"] == ("blocked", "blocked")


def test_force_runs_all(world: World) -> None:
    world.force = True
    assert {action for action, _ in world.forecast().values()} == {"run"}


@pytest.mark.parametrize(
    ("skip", "code"),
    [
        (SkipSpec(can_skip=False, why_not="opaque"), "always"),
        (SkipSpec(can_skip=False, why_not="disabled"), "disabled"),
    ],
)
def test_unskippable_always_runs(world: World, skip: SkipSpec, code: str) -> None:
    world.clean = replace(CLEAN, skip=skip)
    assert world.forecast()["clean"] == ("run", code)


def test_max_age_counts_from_the_commit(world: World) -> None:
    world.clean = replace(CLEAN, skip=SkipSpec(can_skip=True, max_age=60))
    world.now += 59
    assert world.forecast()["clean"] == SKIPPED
    world.now += 2
    assert world.forecast()["clean"] == ("run", "expired")


def test_narrowed_comparison_skips_on_the_authors_word(world: World) -> None:
    world.clean = replace(CLEAN, skip=SkipSpec(can_skip=True, strategy="checksum"))
    world.files.digests["/p/orders.csv"] = "d:new"
    assert world.forecast() == {"clean": ("skip", "vouched"), "report": SKIPPED}


def test_going_back_finds_the_earlier_result_only_if_its_output_is_still_there(world: World) -> None:
    first = world.clean
    world.clean = replace(CLEAN, key_parts=(KeyPart("sql", "code", "SELECT 9"), CLEAN.key_parts[1]))
    world.files.digests["/s/clean9"] = "d:clean9"
    world.commit(world.planner(), world.clean, StoredOutput("output", "/s/clean9", "d:clean9", 1))
    world.clean = first
    assert world.forecast()["clean"] == SKIPPED
    del world.files.digests["/s/clean"]
    assert world.forecast()["clean"] == ("run", "changed")


def test_result_of_this_very_run_is_kept_even_for_a_task_that_always_runs(world: World) -> None:
    world.clean = replace(CLEAN, skip=SkipSpec(can_skip=False, why_not="opaque"))
    world.kept = {"clean": world.results[0]}
    assert world.forecast()["clean"] == ("skip", "kept")
    world.files.digests["/p/orders.csv"] = "d:new"
    assert world.forecast()["clean"] == ("run", "always")


def test_glob_lists_its_members_and_sees_a_new_one(world: World) -> None:
    world.clean = replace(CLEAN, reads=(ReadSpec("orders", "csv", uri="/p/*.csv"),))
    del world.files.digests["/p/report.csv"]
    before = world.planner().inputs(world.clean, {})
    world.files.digests["/p/more.csv"] = "d:more"
    after = world.planner().inputs(world.clean, {})
    assert not isinstance(before, Missing)
    assert not isinstance(after, Missing)
    assert after.inputs[0].files == ("/p/more.csv", "/p/orders.csv")
    assert before.key != after.key == key_of(after.parts)


def test_glob_that_an_upstream_feeds_is_settled_with_it(world: World) -> None:
    world.report = replace(REPORT, reads=(ReadSpec("x", "csv", uri="/p/x*.csv", feeders=("clean",)),))
    world.files.digests["/p/orders.csv"] = "d:new"
    world.results[1] = replace(world.results[1], parts=world.report.key_parts)
    assert world.forecast()["report"] == ("maybe", "upstream_runs")


TOKEN = (SecretSpec("aws-ssm:/token", (("env", "TOKEN"),), versioned=True),)


def given_a_secret(world: World) -> None:
    """The first task is given a secret, and has succeeded with it."""
    world.clean = replace(CLEAN, secrets=TOKEN)
    world.commit(world.planner(), world.clean, StoredOutput("output", "/s/clean", "d:clean", 1))


def test_another_version_of_a_secret_runs(world: World) -> None:
    given_a_secret(world)
    assert world.forecast() == {"clean": SKIPPED, "report": SKIPPED}
    world.version = "v2"
    decision = world.planner().decide(world.clean, {})
    assert isinstance(decision, MustRun)
    assert [(one.field, one.old, one.new) for one in decision.reason.changes] == [
        ("secrets.aws-ssm:/token", "v1", "v2")
    ]


def test_a_version_that_nobody_can_tell_runs_and_is_equal_to_no_other(world: World) -> None:
    given_a_secret(world)
    known = world.planner().inputs(world.clean, {})
    world.version = Reason("no_key", "AWS does not answer")
    assert world.forecast() == {"clean": ("run", "no_key"), "report": ("maybe", "upstream_runs")}
    unknown = world.planner().inputs(world.clean, {})
    assert not isinstance(known, Missing)
    assert not isinstance(unknown, Missing)
    assert known.key != unknown.key
    world.commit(world.planner(), world.clean, StoredOutput("output", "/s/clean", "d:clean", 1))
    assert world.forecast()["clean"] == ("run", "no_key")
    world.version = "v3"
    assert world.forecast()["clean"] == ("run", "changed")


def test_a_secret_whose_upstream_runs_is_compared_all_the_same(world: World) -> None:
    world.report = replace(REPORT, secrets=TOKEN)
    world.commit(world.planner(), world.report, StoredOutput("output", "/p/report.csv", "d:report", 1))
    world.files.digests["/p/orders.csv"] = "d:new"
    assert world.forecast()["report"] == ("maybe", "upstream_runs")
    world.version = "v2"
    assert world.forecast()["report"] == ("run", "changed")


PART = StoredOutput("output", "/s/clean", "d:clean", 1, columns=("a", "b"), where="a > 1")
COLUMNS = (("a", "INTEGER"), ("b", "INTEGER"), ("c", "INTEGER"))


@pytest.mark.parametrize(
    ("stored", "keeping", "lacking"),
    [
        (PART, Keeping(needed=Shape(columns=("a",), where="a > 1"), columns=COLUMNS), ""),
        (PART, Keeping(needed=Shape(columns=("B",), where="a > 1"), columns=COLUMNS), ""),
        (PART, Keeping(needed=Shape(columns=("c",), where="a > 1"), columns=COLUMNS), "the column c is not"),
        (PART, Keeping(needed=Shape(where="a > 1"), columns=COLUMNS), "only the columns a, b are"),
        (PART, Keeping(needed=Shape(columns=("a",)), columns=COLUMNS), "only the rows are for which a > 1"),
        (PART, Keeping(needed=Shape(columns=("a",), where="a > 0")), "only the rows are for which a > 1"),
        (PART, Keeping(), "only the rows are for which a > 1"),
        (replace(PART, columns=None, where=None), Keeping(Shape(is_view=True), Shape(columns=("a",))), ""),
        (StoredOutput("output", "", VIEW + "k", 0), Keeping(Shape(is_view=True)), ""),
        (StoredOutput("output", "", VIEW + "k", 0), Keeping(), "nothing of it is"),
    ],
)
def test_what_is_stored_has_to_serve_its_readers(
    world: World, stored: StoredOutput, keeping: Keeping, lacking: str
) -> None:
    world.store_clean(stored)
    world.keepings = {"clean": keeping}
    planner = world.planner()
    found = {task.task: task for task in forecast(planner, "2026-01-01T00:00:00+00:00").tasks}
    expected = ("run", Reason("not_kept", lacking)) if lacking else ("skip", Reason("up_to_date"))
    assert (found["clean"].action, found["clean"].reason) == expected


def test_a_run_that_goes_on_without_optimising_stores_what_it_had_not(world: World) -> None:
    world.store_clean(StoredOutput("output", "", VIEW + world.results[0].key, 0))
    world.kept = {"clean": world.results[0]}
    assert world.forecast()["clean"] == ("run", "not_kept")


def test_rows_that_were_left_out_are_not_left_out_again(world: World) -> None:
    world.store_clean(PART)
    wanted = Shape(columns=("a",), where="a > 0")
    world.keepings = {"clean": Keeping(wanted, wanted, COLUMNS)}
    planner = world.planner()
    forecast(planner, "2026-01-01T00:00:00+00:00")
    assert planner.keeping("clean").shape == Shape(columns=("a",))
    assert world.keepings["clean"].shape == wanted


def test_a_view_follows_what_it_is_made_of(world: World) -> None:
    key = world.results[0].key
    world.keepings = {"clean": Keeping(Shape(is_view=True))}
    upstream = {("clean", "output"): StoredOutput("output", "", VIEW + key, 0)}
    found = world.planner().inputs(world.report, upstream)
    assert not isinstance(found, Missing)
    assert found.parts[-1] == KeyPart("upstream.clean", "inputs", VIEW + key)
    assert [one.files for one in found.inputs[0].inner] == [("/p/orders.csv",)]
    assert "/p/orders.csv" in found.inputs[0].identities, "what moves below it is seen when its reader publishes"
    world.files.digests["/p/orders.csv"] = "d:other"
    moved = world.planner().inputs(world.report, upstream)
    assert isinstance(moved, Missing)
    assert moved.moved


@pytest.mark.parametrize(("blind", "part"), [(True, "d:clean"), (False, "d:again")])
def test_only_who_cannot_see_the_order_takes_other_bytes_for_the_same_rows(
    world: World, blind: bool, part: str
) -> None:
    world.files.digests["/s/clean"] = "d:again"
    world.keepings = {"clean": Keeping(is_exact=True, blind_to_order=frozenset({"report"} if blind else ()))}
    upstream = {("clean", "output"): StoredOutput("output", "/s/clean", "d:again", 1, also=("d:clean",))}
    found = world.planner().inputs(world.report, upstream)
    assert not isinstance(found, Missing)
    assert found.parts[-1].value == part


@pytest.mark.parametrize(
    ("keeping", "key", "also"),
    [
        (Keeping(is_exact=True), None, ("d:clean",)),
        (Keeping(), None, ()),
        (Keeping(is_exact=True), "another", ()),
    ],
)
def test_an_output_is_known_by_its_earlier_forms(
    world: World, keeping: Keeping, key: str | None, also: tuple[str, ...]
) -> None:
    world.keepings = {"clean": keeping}
    made = StoredOutput("output", "/s/clean", "d:again", 1)
    assert world.planner().known_as("clean", key or world.results[0].key, made).also == also


def test_all_is_stored_where_nobody_says_otherwise(world: World) -> None:
    assert world.planner().keeping("clean").shape == WHOLE
