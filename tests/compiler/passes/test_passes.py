"""Each pass does its work on a plain pipeline, and lets go of it when a single precondition fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from trc.compiler.passes import run_passes
from trc.compiler.passes.column_pruning import column_pruning
from trc.compiler.passes.common_tasks import common_tasks
from trc.compiler.passes.constant_folding import constant_folding
from trc.compiler.passes.dead_tasks import dead_tasks
from trc.compiler.passes.draft import WHOLE, Draft, DraftRead, DraftTask, Shape
from trc.compiler.passes.fusion import fusion
from trc.compiler.passes.predicate_pushdown import predicate_pushdown
from trc.compiler.sql.facts import Condition, QueryFacts, ReadFacts, Use

TERMS = {"timeout": "86400", "memory limit": "None"}
LARGE = Use((Condition('"a" > 10', ("a",)),))
SMALL = Use((Condition('"a" < 0', ("a",)), Condition("\"b\" = 'x'", ("b",))))

Change = Callable[["DraftTask", "DraftTask"], tuple["DraftTask", "DraftTask"]]


def after(work: Callable[[Draft], None], tasks: tuple[DraftTask, ...]) -> Draft:
    """The draft of some tasks when passes have worked on it."""
    draft = Draft.of(tasks)
    work(draft)
    return draft


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
    "a column may fail on rows that it leaves out": of_middle(
        lambda task: query(task, failing_columns=(("a", "CAST"),), keeps_rows=False)
    ),
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
def test_a_plain_pipeline_is_changed(one_pass: Callable[[Draft], None]) -> None:
    draft = after(one_pass, pipeline())
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
def test_one_failed_precondition_is_enough(one_pass: Callable[[Draft], None], change: Change) -> None:
    draft = after(one_pass, change(*pipeline()))
    assert draft.shape("middle") == WHOLE
    why = next(note.text for note in draft.notes if note.task == "middle")
    assert why, "a pass that declines says why"


def test_what_is_read_twice_is_computed_twice_if_that_is_cheap() -> None:
    draft = after(fusion, TWICE(*pipeline()))
    assert draft.shape("middle").is_view
    assert draft.notes[-1].text == 'not stored: computed within "result", 2 times in all'


def test_a_reader_may_fail_on_rows_that_are_all_kept() -> None:
    assert after(fusion, of_result(lambda task: query(task, fails="CAST"))(*pipeline())).shape("middle").is_view


def test_what_may_fail_is_tried_where_all_rows_are_kept() -> None:
    draft = after(fusion, of_middle(lambda task: query(task, failing_columns=(("b", "CAST"),)))(*pipeline()))
    assert draft.shape("middle") == Shape(is_view=True, tried=("b",))
    assert draft.notes[-1].text == 'not stored: computed within "result", once "b" had a value in each row'


def test_what_is_tried_takes_in_no_filter() -> None:
    """What was tried on the rows that a filter lets through could be computed ahead of it."""
    middle, result = pipeline()
    upper = replace(reading(replace(middle, name="upper"), name="middle"), reads=(DraftRead("middle", "middle"),))
    last = replace(reading(result, name="upper"), reads=(DraftRead("upper", "upper"),))
    draft = after(fusion, (query(middle, keeps_rows=False), query(upper, failing_columns=(("b", "CAST"),)), last))
    assert draft.shape("upper").tried == ("b",)
    assert draft.shape("middle") == WHOLE


def test_what_may_fail_is_asked_of_all_that_a_query_is_computed_within() -> None:
    """A cast in the last query must not move past the filter of the first, through one that does nothing."""
    middle, result = pipeline()
    upper = replace(reading(replace(middle, name="upper"), name="middle"), reads=(DraftRead("middle", "middle"),))
    last = reading(query(result, fails="CAST"), name="upper")
    last = replace(last, reads=(DraftRead("upper", "upper"),))
    draft = after(fusion, (query(middle, keeps_rows=False), upper, last))
    assert draft.shape("upper").is_view
    assert not draft.shape("middle").is_view


def test_a_reader_that_computes_what_may_fail_of_all_that_it_reads_is_left_rows() -> None:
    draft = after(
        predicate_pushdown, of_result(lambda task: query(task, failing_columns=(("a", "CAST"),)))(*pipeline())
    )
    assert draft.shape("middle").where == '("a" > 10)'


def test_evaluations_multiply_along_a_chain_of_views() -> None:
    middle, result = pipeline()
    upper = replace(
        reading(replace(middle, name="upper"), name="middle", uses=(Use(),) * 3),
        reads=(DraftRead("middle", "middle"),),
    )
    last = replace(reading(result, name="upper", uses=(Use(),) * 3), reads=(DraftRead("upper", "upper"),))
    draft = after(fusion, (middle, upper, last))
    assert draft.shape("upper").is_view
    assert not draft.shape("middle").is_view
    assert [note.text for note in draft.notes if note.task == "middle"] == ["it would be computed 9 times"]


def test_what_no_row_of_has_an_effect_is_not_stored() -> None:
    draft = after(fusion, of_result(lambda task: reading(task, uses=()))(*pipeline()))
    assert draft.shape("middle").is_view
    assert draft.notes[-1].text == 'not stored: its rows have no effect in "result"'


@pytest.mark.parametrize("one_pass", [column_pruning, predicate_pushdown])
def test_what_nobody_reads_stays_whole(one_pass: Callable[[Draft], None]) -> None:
    draft = after(one_pass, pipeline()[:1])
    assert draft.shape("middle") == WHOLE
    assert [(note.applied, note.text) for note in draft.notes] == [(False, "no task reads it")]


def test_columns_of_all_readers_are_kept_in_their_order() -> None:
    middle, result = pipeline()
    other = reading(replace(result, name="other"), columns=("C",))
    assert after(column_pruning, (middle, result, other)).shape("middle") == Shape(columns=("a", "c"))


def test_one_column_carries_the_number_of_rows() -> None:
    draft = after(column_pruning, of_result(lambda task: reading(task, columns=()))(*pipeline()))
    assert draft.shape("middle") == Shape(columns=("a",))


def test_rows_of_all_readers_are_kept() -> None:
    draft = after(predicate_pushdown, TWICE(*pipeline()))
    assert draft.shape("middle").where == """("a" < 0) AND ("b" = 'x') OR ("a" > 10)"""


def test_a_condition_that_asks_for_more_adds_no_rows() -> None:
    both = Use((*LARGE.conditions, *SMALL.conditions))
    changed = of_result(lambda task: reading(task, uses=(both, LARGE)))(*pipeline())
    assert after(predicate_pushdown, changed).shape("middle").where == '("a" > 10)'


def test_what_is_stored_is_made_small_in_both_ways() -> None:
    draft = after(run_passes, TWICE(*of_middle(lambda task: query(task, is_row_wise=False))(*pipeline())))
    assert draft.shape("middle") == Shape(columns=("a",), where="""("a" < 0) AND ("b" = 'x') OR ("a" > 10)""")
    assert [(note.by, note.applied) for note in draft.notes if note.task == "middle"] == [
        ("common_tasks", False),
        ("constant_folding", False),
        ("fusion", False),
        ("column_pruning", True),
        ("predicate_pushdown", True),
    ]


def twins() -> tuple[DraftTask, DraftTask, DraftTask]:
    """Two intermediates that are equal, over one dataset, and a result that reads the second."""
    middle, result = pipeline()
    first = replace(
        query(middle, meaning="as it says", meaning_reads=("files",)),
        reads=(DraftRead("FILES", found="orders.parquet"),),
        waits=frozenset({("load", "success")}),
    )
    return first, replace(first, name="twin"), replace(reading(result, name="twin"), reads=(DraftRead("twin", "twin"),))


TWIN: dict[str, Callable[[DraftTask], DraftTask]] = {
    "its location is public": lambda task: replace(task, whole="others may read it"),
    "it is not SQL": lambda task: replace(task, query=None, unknown="it is not SQL"),
    "it answers by chance": lambda task: query(task, undetermined="random()"),
    "it is not understood": lambda task: query(task, meaning=""),
    "it means something else": lambda task: query(task, meaning="as it says otherwise"),
    "its columns are called otherwise": lambda task: query(task, columns=(("A", "INTEGER"),)),
    "it reads other files": lambda task: replace(task, reads=(DraftRead("files", found="people.parquet"),)),
    "it reads a task": lambda task: replace(task, reads=(DraftRead("files", "load", "orders.parquet"),)),
    "it names files by itself": lambda task: replace(task, reads=(DraftRead("files"),)),
    "what it reads is not known": lambda task: replace(task, reads=(DraftRead("orders", found="orders.parquet"),)),
    "it has other limits": lambda task: replace(task, terms={**TERMS, "timeout": "60"}),
    "it waits for others": lambda task: replace(task, waits=frozenset({("load", "completion")})),
    "it is left out": lambda task: replace(task, is_run=False, is_asked=False),
}


def test_equal_tasks_become_one() -> None:
    draft = after(common_tasks, twins())
    assert draft.same_as == {"twin": "middle"}
    assert [reader.task.name for reader in draft.readers["middle"]] == ["result"]
    assert draft.readers["twin"] == ()
    assert [note.text for note in draft.notes if note.applied] == ['not computed: it is the same as "middle"']


@pytest.mark.parametrize("change", TWIN.values(), ids=TWIN)
def test_tasks_that_may_not_be_equal_stay_two(change: Callable[[DraftTask], DraftTask]) -> None:
    first, twin, result = twins()
    for tasks in ((first, change(twin), result), (change(first), twin, result)):
        draft = after(common_tasks, (DraftTask("load", whole="others may read it"), *tasks))
        assert not draft.same_as
        assert all(note.text for note in draft.notes)


@pytest.mark.parametrize(
    "change",
    [
        lambda task: query(task, meaning="", meaning_reads=()),
        lambda task: replace(task, reads=(DraftRead("files"),)),
    ],
    ids=["neither is understood", "both name files by themselves"],
)
def test_what_is_not_known_of_both_is_not_equal(change: Callable[[DraftTask], DraftTask]) -> None:
    first, twin, result = twins()
    assert not after(common_tasks, (change(first), change(twin), result)).same_as


def test_an_output_that_others_than_queries_read_is_its_own() -> None:
    first, twin, result = twins()
    draft = after(common_tasks, (first, twin, replace(result, apart="is not a task of SQL")))
    assert not draft.same_as
    # What is read of the first is none of its business.
    reader = replace(result, reads=(DraftRead("middle", "middle"),), apart="is not a task of SQL")
    assert after(common_tasks, (first, twin, replace(reader, name="other"), result)).same_as == {"twin": "middle"}


def test_a_third_task_may_be_equal_to_the_second_alone() -> None:
    first, twin, result = twins()
    twin = replace(twin, terms={**TERMS, "timeout": "60"})
    draft = after(common_tasks, (first, twin, replace(twin, name="third"), result))
    assert draft.same_as == {"third": "twin"}


def test_tasks_are_equal_through_what_they_read() -> None:
    first, twin, result = twins()
    above = [
        replace(
            reading(query(one, meaning_reads=(one.name,)), name=one.name),
            name=f"above_{one.name}",
            reads=(DraftRead(one.name, one.name, "parquet"),),
        )
        for one in (first, twin)
    ]
    last = replace(reading(result, name="above_twin"), reads=(DraftRead("above_twin", "above_twin"),))
    draft = after(common_tasks, (first, twin, *above, last))
    assert draft.same_as == {"twin": "middle", "above_twin": "above_middle"}
    # What is not computed reads nothing.
    assert [reader.task.name for reader in draft.readers["middle"]] == ["above_middle"]
    assert [reader.task.name for reader in draft.readers["above_middle"]] == ["result"]


def test_what_is_kept_of_equal_tasks_serves_the_readers_of_all() -> None:
    first, twin, result = twins()
    other = replace(
        reading(result, name="middle", columns=("b",), uses=(SMALL,)),
        name="other",
        reads=(DraftRead("middle", "middle"),),
    )
    first, twin = (query(one, is_row_wise=False) for one in (first, twin))
    draft = after(run_passes, (first, twin, other, result))
    assert draft.shape("middle") == Shape(columns=("a", "b"), where="""("a" < 0) AND ("b" = 'x') OR ("a" > 10)""")
    assert {note.by for note in draft.notes if note.task == "twin"} == {"common_tasks"}


def test_expectations_that_look_into_equal_tasks_look_into_one() -> None:
    first, twin, result = twins()
    looker = replace(result, name="looker", looked_up=("twin",))
    draft = after(run_passes, (first, twin, result, looker))
    assert draft.same_as == {"twin": "middle"}
    assert draft.shape("middle") == WHOLE


def part() -> tuple[DraftTask, DraftTask]:
    """An intermediate that a chosen task waits for, whose reader is left out of the run."""
    middle, result = pipeline()
    return replace(middle, is_asked=False), replace(result, is_run=False, is_asked=False)


LIVING: dict[str, Change] = {
    "it was selected": of_middle(lambda task: replace(task, is_asked=True)),
    "its reader is run": of_result(lambda task: replace(task, is_run=True)),
    "its location is public": FOR_ALL["its location is public"],
    "it is not SQL": FOR_ALL["it is not SQL"],
    "it may fail": FOR_ALL["it may fail"],
    "reading may fail": FOR_ALL["reading may fail"],
    "a column may fail": of_middle(lambda task: query(task, failing_columns=(("a", "CAST"),))),
    "expectations of the run look into it": of_result(
        lambda task: replace(task, reads=(), looked_up=("middle",), is_run=True)
    ),
}


def test_what_nobody_reads_in_a_run_is_dead() -> None:
    draft = after(dead_tasks, part())
    assert draft.dead == {"middle"}
    assert [(note.task, note.applied) for note in draft.notes] == [("middle", True)]
    assert after(dead_tasks, of_result(lambda task: replace(task, looked_up=("middle",)))(*part())).dead


@pytest.mark.parametrize("change", LIVING.values(), ids=LIVING)
def test_what_may_be_of_use_is_alive(change: Change) -> None:
    draft = after(dead_tasks, change(*part()))
    assert not draft.dead
    assert all(note.text for note in draft.notes)


def test_what_only_the_dead_read_is_dead() -> None:
    middle, result = part()
    upper = replace(reading(replace(middle, name="upper"), name="middle"), reads=(DraftRead("middle", "middle"),))
    last = replace(reading(result, name="upper"), reads=(DraftRead("upper", "upper"),))
    assert after(dead_tasks, (middle, upper, last)).dead == {"middle", "upper"}


def test_a_run_of_all_has_no_dead_tasks() -> None:
    assert after(dead_tasks, pipeline()).notes == []


ALWAYS, NEVER, OPEN = (
    Condition(f'"{name}"', ("a",), holds) for name, holds in (("y", True), ("n", False), ("o", None))
)


def folding(*uses: Use) -> tuple[DraftTask, DraftTask]:
    middle, result = of_result(lambda task: reading(task, uses=uses))(*pipeline())
    return query(middle, fixed=(("a", "1"),)), result


@pytest.mark.parametrize(
    ("uses", "left", "told"),
    [
        ((Use((ALWAYS, OPEN)),), (Use((OPEN,)),), '"y" always holds in "result"'),
        ((Use((ALWAYS,)),), (Use(),), '"y" always holds in "result"'),
        ((Use((ALWAYS, NEVER)), Use((OPEN,))), (Use((OPEN,)),), '"result" needs no row where "n", which never holds'),
        ((Use((NEVER,)),), (), '"result" needs no row where "n", which never holds'),
    ],
)
def test_conditions_that_are_settled_are_not_asked(uses: tuple[Use, ...], left: tuple[Use, ...], told: str) -> None:
    draft = after(constant_folding, folding(*uses))
    [reader] = draft.readers["middle"]
    assert reader.facts is not None
    assert reader.facts.uses == left
    assert [note.text for note in draft.notes if note.applied] == [told]


FOLDING: dict[str, Change] = {
    "nothing is settled": of_result(lambda task: reading(task, uses=(Use((OPEN,)),))),
    "none of its columns is a constant": lambda middle, result: (
        query(middle, fixed=()),
        reading(result, uses=(Use((OPEN,)),)),
    ),
    **{
        name: change
        for name, change in FOR_ALL.items()
        if name not in ("it may fail", "reading may fail", "a type is lost", "expectations look into it")
    },
}


@pytest.mark.parametrize("change", FOLDING.values(), ids=FOLDING)
def test_conditions_that_are_not_settled_stay(change: Change) -> None:
    tasks = change(*folding(Use((ALWAYS, OPEN)), Use((NEVER,))))
    draft = after(constant_folding, tasks)
    assert draft.readers == Draft.of(tasks).readers
    assert not any(note.applied for note in draft.notes)
    assert all(note.text for note in draft.notes)


def test_it_is_said_why_no_condition_is_settled() -> None:
    told = [
        next(note.text for note in after(constant_folding, tasks).notes if note.task == "middle")
        for tasks in (FOLDING["none of its columns is a constant"](*folding()), folding(Use((OPEN,))))
    ]
    assert told == ["none of its columns is a constant", "no condition of its readers is settled by its constants"]


def test_conditions_of_a_reader_that_is_left_alone_stay() -> None:
    middle, result = folding(Use((ALWAYS, OPEN)))
    alone = replace(result, name="alone", sealed="is not to be optimised")
    draft = after(constant_folding, (middle, alone, result))
    uses = {one.task.name: one.facts.uses for one in draft.readers["middle"] if one.facts is not None}
    assert uses == {"alone": (Use((ALWAYS, OPEN)),), "result": (Use((OPEN,)),)}


def test_what_never_matters_is_not_stored() -> None:
    draft = after(run_passes, folding(Use((NEVER,))))
    assert draft.shape("middle").is_view
    told = [note.text for note in draft.notes if note.by == "fusion" and note.applied]
    assert told == ['not stored: its rows have no effect in "result"']
