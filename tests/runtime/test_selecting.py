"""A selection takes the tasks that it names with all that these need, and is never taken for the whole."""

from __future__ import annotations

import pytest

from trc.runtime.errors import Stopped
from trc.runtime.selecting import select
from trc.runtime.spec import NeedSpec, PipelineSpec, SkipSpec, TaskSpec


def task(name: str, *needs: NeedSpec, tags: tuple[str, ...] = (), kind: str = "duckdb_sql") -> TaskSpec:
    return TaskSpec(name, kind, "", (), SkipSpec(can_skip=True), needs=needs, tags=tags)


def after(name: str, *, completion: bool = False) -> NeedSpec:
    return NeedSpec(name, "completion" if completion else "success")


def reads(name: str) -> NeedSpec:
    return NeedSpec(name, data=True)


SHOP = PipelineSpec(
    "shop",
    "p.trc",
    "/p",
    (
        task("raw", tags=("nightly", "big")),
        task("stg_orders", reads("raw")),
        task("stg_people", reads("raw")),
        task("audit", reads("stg_people"), tags=("nightly",), kind="shell"),
        task("report", reads("stg_orders")),
        task("mail", reads("report"), after("audit")),
        task("odd+"),
        task("[odd]"),
    ),
    "digest",
)


@pytest.mark.parametrize(
    ("patterns", "run", "chosen"),
    [
        (("report",), "raw stg_orders report", "report"),
        (("REPORT",), "raw stg_orders report", "report"),
        (("+report",), "raw stg_orders report", "raw stg_orders report"),
        (("stg_*",), "raw stg_orders stg_people", "stg_orders stg_people"),
        (("stg_people+",), "raw stg_orders stg_people audit report mail", "stg_people audit mail"),
        (("audit", "report"), "raw stg_orders stg_people audit report", "audit report"),
        (("odd+",), "odd+", "odd+"),
        (("odd++",), "odd+", "odd+"),
        (("[odd]",), "[odd]", "[odd]"),
        (("1+mail",), "raw stg_orders stg_people audit report mail", "audit report mail"),
        (("2+mail",), "raw stg_orders stg_people audit report mail", "stg_orders stg_people audit report mail"),
        (("0+mail",), "raw stg_orders stg_people audit report mail", "mail"),
        (("raw+1",), "raw stg_orders stg_people", "raw stg_orders stg_people"),
        (("1+report+1",), "raw stg_orders stg_people audit report mail", "stg_orders report mail"),
        (
            ("@stg_people",),
            "raw stg_orders stg_people audit report mail",
            "raw stg_orders stg_people audit report mail",
        ),
        (("@audit",), "raw stg_orders stg_people audit report mail", "raw stg_orders stg_people audit report mail"),
        (("tag:nightly",), "raw stg_people audit", "raw audit"),
        (("tag:NIGHT*",), "raw stg_people audit", "raw audit"),
        (("tag:nightly,type:shell",), "raw stg_people audit", "audit"),
        (("+report,+audit",), "raw", "raw"),
        (("audit report",), "raw stg_orders stg_people audit report", "audit report"),
        (("tag:big+1",), "raw stg_orders stg_people", "raw stg_orders stg_people"),
        (("type:shell",), "raw stg_people audit", "audit"),
        (("state:changed",), "raw stg_orders", "stg_orders"),
        (("state:new",), "", ""),
        (("state:changed+",), "raw stg_orders stg_people audit report mail", "stg_orders report mail"),
        (("state:failed", "odd+"), "odd+", "odd+"),
        (("*",), " ".join(one.name for one in SHOP.tasks), " ".join(one.name for one in SHOP.tasks)),
    ],
)
def test_patterns_choose_tasks_and_what_they_need(patterns: tuple[str, ...], run: str, chosen: str) -> None:
    part = select(SHOP, patterns, states=lambda state: {"stg_orders"} if state == "changed" else set())
    assert " ".join(one.name for one in part.spec.tasks) == run
    assert part.chosen == frozenset(chosen.split())
    assert set(part.left_out) == {one.name for one in SHOP.tasks} - set(run.split())


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("reprot", 'did you mean "report"?'),
        ("tag:nihgtly", 'did you mean "nightly"?'),
        ("tag:other", "there are: nightly, big"),
        ("type:python", "there are: duckdb_sql, shell"),
        ("state:old", "there are: changed, new, failed"),
        ("report,audit", "each part behind a comma names tasks, and no task is among all of them"),
        ("report,reprot", 'did you mean "report"?'),
        ("audit reprot", 'did you mean "report"?'),
        ("+reprot+", 'did you mean "report"?'),
        (
            "zzz*",
            "there are: raw, stg_orders, stg_people, audit, report, mail, odd+, [odd]",
        ),
        ("+", "there are: raw, stg_orders, stg_people, audit, report, mail, odd+, [odd]"),
        ("", "there are: raw, stg_orders, stg_people, audit, report, mail, odd+, [odd]"),
    ],
)
def test_what_names_no_task_is_told(pattern: str, remedy: str) -> None:
    with pytest.raises(Stopped) as told:
        select(SHOP, ("report", pattern))
    [found] = told.value.diagnostics
    assert (found.code, told.value.exit_code, found.help) == ("TRC625", 3, (remedy,))


def test_no_part_is_taken_for_another() -> None:
    parts = [select(SHOP, names) for names in (("report",), ("+report",), ("*",), ("report", "raw"))]
    parts.append(select(SHOP, ("mail",)))
    parts.append(parts[-1].without(frozenset({"audit"})))
    digests = [SHOP.digest, *(one.spec.digest for one in parts)]
    assert len(set(digests)) == len(digests)
    assert select(SHOP, ("raw", "report")).spec.digest == parts[3].spec.digest


@pytest.mark.parametrize(
    ("first", "second", "requires"),
    [(False, False, "success"), (True, False, "completion"), (False, True, "completion")],
)
def test_who_waits_for_what_is_left_out_waits_for_what_that_waits_for(
    *, first: bool, second: bool, requires: str
) -> None:
    spec = PipelineSpec(
        "p",
        "p.trc",
        "/p",
        (
            task("load"),
            task("audit", after("load", completion=first)),
            task("mail", after("audit", completion=second)),
        ),
        "digest",
    )
    part = select(spec, ("mail",)).without(frozenset({"audit"}))
    mail = part.spec.tasks[-1]
    assert mail.needs == (NeedSpec("load", requires),)  # type: ignore[arg-type]
    assert part.left_out == ("audit",)


def test_the_stricter_of_two_ways_counts() -> None:
    spec = PipelineSpec(
        "p",
        "p.trc",
        "/p",
        (
            task("load"),
            task("audit", after("load")),
            task("mail", after("audit"), after("load", completion=True)),
        ),
        "digest",
    )
    part = select(spec, ("mail",)).without(frozenset({"audit"}))
    assert part.spec.tasks[-1].needs == (NeedSpec("load", "success"),)


@pytest.mark.parametrize(
    ("patterns", "excluded", "run"),
    [
        ((), ("report+",), "raw stg_orders stg_people audit odd+ [odd]"),
        ((), ("tag:nightly+",), "odd+ [odd]"),
        (("stg_*",), ("stg_people",), "raw stg_orders"),
        (("report",), ("report",), ""),
        ((), ("state:changed+",), "raw stg_people audit odd+ [odd]"),
    ],
)
def test_what_is_excluded_is_not_chosen(patterns: tuple[str, ...], excluded: tuple[str, ...], run: str) -> None:
    part = select(SHOP, patterns, excluded, lambda _state: {"stg_orders"})
    assert " ".join(one.name for one in part.spec.tasks) == run


def test_what_is_needed_cannot_be_excluded() -> None:
    with pytest.raises(Stopped) as told:
        select(SHOP, ("mail",), ("stg_orders",))
    (found,) = told.value.diagnostics
    assert found.message == '"mail" needs "stg_orders", which is excluded'
    assert found.help == ('exclude what needs it, too: --exclude "stg_orders+"',)
    with pytest.raises(Stopped) as told:
        select(SHOP, (), ("stg_odrers",))
    assert told.value.diagnostics[0].message == '--exclude "stg_odrers" names no task of "shop"'


def test_states_are_asked_for_where_a_selection_names_one() -> None:
    select(SHOP, ("report", "tag:big"), states=pytest.fail)
