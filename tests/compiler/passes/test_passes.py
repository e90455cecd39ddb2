"""Each pass does its work on a plain pipeline, and lets go of it when a single precondition fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from trc.compiler.passes import optimised
from trc.compiler.passes.column_pruning import column_pruning
from trc.compiler.passes.draft import WHOLE, Draft, DraftRead, DraftTask, Shape
from trc.compiler.passes.fusion import fusion
from trc.compiler.passes.predicate_pushdown import predicate_pushdown
from trc.compiler.sql.facts import Condition, QueryFacts, ReadFacts, Use

TERMS = {"timeout": "86400", "memory limit": "None"}
LARGE = Use((Condition('"a" > 10', ("a",)),))
SMALL = Use((Condition('"a" < 0', ("a",)), Condition("\"b\" = 'x'", ("b",))))

Change = Callable[["DraftTask", "DraftTask"], tuple["DraftTask", "DraftTask"]]


def pipeline() -> tuple[DraftTask, DraftTask]:
    """An intermediate that is one scan of a file, and a result that reads one of its columns."""
    middle = DraftTask(
        "middle",
        QueryFacts(
            (("a", "INTEGER"), ("b", "VARCHAR"), ("c", "DECIMAL(10,2)[]")),
            (ReadFacts("files", ("a", "b"), (Use(),)),),
            is_row_wise=True,
            keeps_rows=True,
        ),
        reads=(DraftRead("files"),),
        terms=TERMS,
    )
    result = DraftTask(
        "result",
        QueryFacts((("a", "INTEGER"),), (ReadFacts("middle", ("a",), (LARGE,)),)),
        reads=(DraftRead("middle", "middle"),),
        whole="it is a result",
        terms=TERMS,
    )
    return middle, result


def query(task: DraftTask, **changes: object) -> DraftTask:
    assert task.query is not None
    return replace(task, query=replace(task.query, **changes))  # type: ignore[arg-type]


def reading(task: DraftTask, **changes: object) -> DraftTask:
    assert task.query is not None
    return query(task, reads=(replace(task.query.reads[0], **changes),))  # type: ignore[arg-type]


def of_middle(change: Callable[[DraftTask], DraftTask]) -> Change:
    return lambda middle, result: (change(middle), result)


def of_result(change: Callable[[DraftTask], DraftTask]) -> Change:
    return lambda middle, result: (middle, change(result))


TWICE = of_result(lambda task: reading(task, uses=(LARGE, SMALL)))

FOR_ALL: dict[str, Change] = {
    "its location is public": of_middle(lambda task: replace(task, whole="others may read it")),
    "it is not SQL": of_middle(lambda task: replace(task, query=None, unknown="it is not SQL")),
    "it answers by chance": of_middle(lambda task: query(task, undetermined="random()")),
    "its reader is not SQL": of_result(lambda task: replace(task, query=None, unknown="it is not SQL")),
    "its reader is left alone": of_result(lambda task: replace(task, sealed="is not to be optimised")),
    "its reader answers by chance": of_result(lambda task: query(task, undetermined="random()")),
    "its reader sees the order": of_result(lambda task: reading(task, sees_order="first()")),
    "how it is read is not known": of_result(lambda task: query(task, reads=())),
    "expectations look into it": of_result(lambda task: replace(task, looked_up=("middle",))),
    "it may fail": of_middle(lambda task: query(task, fails="CAST")),
    "reading may fail": of_middle(lambda task: replace(task, fragile="it is text")),
    "a type is lost": of_middle(
        lambda task: query(task, columns=(("a", "INTEGER"), ("b", "ENUM('x')"), ("c", "INTEGER")))
    ),
}
"""What keeps every pass from an output."""

FOR_FUSION: dict[str, Change] = {
    "a column that is read may fail": of_middle(lambda task: query(task, failing_columns=(("a", "CAST"),))),
    "its reader has other limits": of_result(lambda task: replace(task, terms={**TERMS, "timeout": "60"})),
    "its reader fails on rows that it drops": lambda middle, result: (
        query(middle, keeps_rows=False),
        query(result, fails="CAST"),
    ),
    "its reader computes what may fail of rows that it drops": lambda middle, result: (
        query(middle, keeps_rows=False),
        query(result, failing_columns=(("a", "CAST"),)),
    ),
    "it is costly and read twice": lambda middle, result: TWICE(query(middle, is_row_wise=False), result),
    "its digits vary and it is read twice": lambda middle, result: TWICE(query(middle, inexact="sum()"), result),
    "it would be computed often": of_result(lambda task: reading(task, uses=(Use(),) * 9)),
    "its reader reads what may fail besides": lambda middle, result: (
        query(middle, keeps_rows=False),
        replace(result, fragile="it is text"),
    ),
    "its reader joins what may fail": of_result(lambda task: query(task, fails_early="CAST")),
    "its reader joins what may fail to be read": of_result(lambda task: replace(task, fragile="it is text")),
}
FOR_PRUNING: dict[str, Change] = {
    "a column that is left out may fail": of_middle(lambda task: query(task, failing_columns=(("b", "CAST"),))),
    "all columns are read": of_result(lambda task: reading(task, columns=("a", "b", "c"))),
}
FOR_PUSHDOWN: dict[str, Change] = {
    "any column may fail": of_middle(lambda task: query(task, failing_columns=(("a", "CAST"),))),
    "a use has no condition": of_result(lambda task: reading(task, uses=(LARGE, Use()))),
    "there are very many conditions": of_result(
        lambda task: reading(task, uses=tuple(Use((Condition(f'"a" = {n}', ("a",)),)) for n in range(20)))
    ),
    "its reader fails on rows that it drops": of_result(lambda task: query(task, fails="CAST")),
    "its reader joins what may fail": of_result(lambda task: query(task, fails_early="CAST")),
    "its reader joins what may fail to be read": of_result(lambda task: replace(task, fragile="it is text")),
    "a condition is very long": of_result(lambda task: reading(task, uses=(Use((Condition("a" * 10_000, ("a",)),)),))),
}


@pytest.mark.parametrize("one_pass", [fusion, column_pruning, predicate_pushdown], ids=lambda one: str(one.__name__))
def test_a_plain_pipeline_is_changed(one_pass: Callable[[Draft], Draft]) -> None:
    draft = one_pass(Draft.of(pipeline()))
    assert draft.shape("middle") != WHOLE
    assert [(note.task, note.applied) for note in draft.notes if note.applied] == [("middle", True)]


@pytest.mark.parametrize(
    ("one_pass", "change"),
    [
        pytest.param(one, change, id=f"{one.__name__}-{name}")
        for one, own in ((fusion, FOR_FUSION), (column_pruning, FOR_PRUNING), (predicate_pushdown, FOR_PUSHDOWN))
        for name, change in {**FOR_ALL, **own}.items()
    ],
)
def test_one_failed_precondition_is_enough(one_pass: Callable[[Draft], Draft], change: Change) -> None:
    draft = one_pass(Draft.of(change(*pipeline())))
    assert draft.shape("middle") == WHOLE
    why = next(note.text for note in draft.notes if note.task == "middle")
    assert why, "a pass that declines says why"


def test_what_is_read_twice_is_computed_twice_if_that_is_cheap() -> None:
    draft = fusion(Draft.of(TWICE(*pipeline())))
    assert draft.shape("middle").is_view
    assert draft.notes[-1].text == 'not stored: computed within "result", 2 times in all'


def test_a_reader_may_fail_on_rows_that_are_all_kept() -> None:
    assert fusion(Draft.of(of_result(lambda task: query(task, fails="CAST"))(*pipeline()))).shape("middle").is_view


def test_what_may_fail_is_asked_of_all_that_a_query_is_computed_within() -> None:
    """A cast in the last query must not move past the filter of the first, through one that does nothing."""
    middle, result = pipeline()
    upper = replace(reading(replace(middle, name="upper"), name="middle"), reads=(DraftRead("middle", "middle"),))
    last = reading(query(result, fails="CAST"), name="upper")
    last = replace(last, reads=(DraftRead("upper", "upper"),))
    draft = fusion(Draft.of((query(middle, keeps_rows=False), upper, last)))
    assert draft.shape("upper").is_view
    assert not draft.shape("middle").is_view


def test_a_reader_that_computes_what_may_fail_of_all_that_it_reads_is_left_rows() -> None:
    draft = predicate_pushdown(
        Draft.of(of_result(lambda task: query(task, failing_columns=(("a", "CAST"),)))(*pipeline()))
    )
    assert draft.shape("middle").where == '("a" > 10)'


def test_evaluations_multiply_along_a_chain_of_views() -> None:
    middle, result = pipeline()
    upper = replace(
        reading(replace(middle, name="upper"), name="middle", uses=(Use(),) * 3),
        reads=(DraftRead("middle", "middle"),),
    )
    last = replace(reading(result, name="upper", uses=(Use(),) * 3), reads=(DraftRead("upper", "upper"),))
    draft = fusion(Draft.of((middle, upper, last)))
    assert draft.shape("upper").is_view
    assert not draft.shape("middle").is_view
    assert [note.text for note in draft.notes if note.task == "middle"] == ["it would be computed 9 times"]


def test_what_no_row_of_has_an_effect_is_not_stored() -> None:
    draft = fusion(Draft.of(of_result(lambda task: reading(task, uses=()))(*pipeline())))
    assert draft.shape("middle").is_view
    assert draft.notes[-1].text == 'not stored: its rows have no effect in "result"'


@pytest.mark.parametrize("one_pass", [column_pruning, predicate_pushdown])
def test_what_nobody_reads_stays_whole(one_pass: Callable[[Draft], Draft]) -> None:
    draft = one_pass(Draft.of(pipeline()[:1]))
    assert draft.shape("middle") == WHOLE
    assert [(note.applied, note.text) for note in draft.notes] == [(False, "no task reads it")]


def test_columns_of_all_readers_are_kept_in_their_order() -> None:
    middle, result = pipeline()
    other = reading(replace(result, name="other"), columns=("C",))
    assert column_pruning(Draft.of((middle, result, other))).shape("middle") == Shape(columns=("a", "c"))


def test_one_column_carries_the_number_of_rows() -> None:
    draft = column_pruning(Draft.of(of_result(lambda task: reading(task, columns=()))(*pipeline())))
    assert draft.shape("middle") == Shape(columns=("a",))


def test_rows_of_all_readers_are_kept() -> None:
    draft = predicate_pushdown(Draft.of(TWICE(*pipeline())))
    assert draft.shape("middle").where == """("a" < 0) AND ("b" = 'x') OR ("a" > 10)"""


def test_what_is_stored_is_made_small_in_both_ways() -> None:
    draft = optimised(Draft.of(TWICE(*of_middle(lambda task: query(task, is_row_wise=False))(*pipeline()))))
    assert draft.shape("middle") == Shape(columns=("a",), where="""("a" < 0) AND ("b" = 'x') OR ("a" > 10)""")
    assert [(note.by, note.applied) for note in draft.notes if note.task == "middle"] == [
        ("fusion", False),
        ("column_pruning", True),
        ("predicate_pushdown", True),
    ]
