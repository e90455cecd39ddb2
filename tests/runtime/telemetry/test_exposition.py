"""Prometheus' text format, held against Prometheus' own reader."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from trc.runtime.telemetry.exposition import Family, Numbers, read, written
from trc.runtime.telemetry.metrics import FAMILIES

HITS = Family("hits_total", "counter", 'Hits, "all" of them \\ so far.\nReally.', ("site", "state"))
SIZE = Family("size_bytes", "gauge", "How large.", ())
TOOK = Family("took_seconds", "histogram", "How long.", ("site",), (0.1, 1, 10))
ALL = (HITS, SIZE, TOOK)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x1c\x1d\x1e\x85\u2028\u2029\v\f"))


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@given(st.lists(st.tuples(TEXTS, TEXTS, st.floats(0, 1e18)), max_size=5))
def test_prometheus_reads_what_was_counted(counted: list[tuple[str, str, float]]) -> None:
    numbers = Numbers(ALL)
    for site, state, value in counted:
        numbers.add(HITS, (site, state), value)
    series = numbers.series()
    assert parsed(written(ALL, series)) == series
    assert read(written(ALL, series)) == series


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_each_value_once_in_the_bucket_that_holds_it(values: list[float]) -> None:
    numbers = Numbers(ALL)
    for value in values:
        numbers.observe(TOOK, ("a",), value)
    seen = parsed(written(ALL, numbers.series()))
    for bound in (0.1, 1, 10, math.inf) if values else ():
        name = "+Inf" if math.isinf(bound) else str(bound)
        assert seen["took_seconds_bucket", (("site", "a"), ("le", name))] == sum(one <= bound for one in values)
    assert seen.get(("took_seconds_count", (("site", "a"),)), 0) == len(values)
    assert seen.get(("took_seconds_sum", (("site", "a"),)), 0) == pytest.approx(sum(values))


def test_a_family_tells_its_kind_and_its_meaning() -> None:
    numbers = Numbers(ALL)
    numbers.add(HITS, ("a", "b"))
    numbers.set(SIZE, (), -2.5)
    numbers.observe(TOOK, ("a",), 3)
    families = {one.name: one for one in text_string_to_metric_families(written(ALL, numbers.series()))}
    assert {name: one.type for name, one in families.items()} == {
        "hits": "counter", "size_bytes": "gauge", "took_seconds": "histogram",
    }  # fmt: skip
    assert families["hits"].documentation == HITS.help
    assert families["size_bytes"].samples[0].value == -2.5


@pytest.mark.parametrize("text", ["shop {}\n", 'hits_total{site="a"} many\n', "task a = sql $$ select 1 $$\n"])
def test_what_is_no_metric_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


def test_labels_are_few_and_bounds_ascend() -> None:
    """What tells series apart has to stay bounded: no id of a run, no message, no path."""
    for family in FAMILIES:
        assert set(family.labels) <= {"pipeline", "type", "state", "task", "end"}
        assert list(family.bounds) == sorted(set(family.bounds))
        assert (family.kind == "histogram") == bool(family.bounds)
        assert ("task" in family.labels) == family.name.startswith("trc_task_last_")
