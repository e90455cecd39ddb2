"""Orders and results survive JSON, whatever they hold, and another version is refused."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.runtime.taskside.items import OrderItem
from trc.runtime.taskside.order import OrderCheck, OrderChecks, OrderInput, OrderOutput, OrderSecret, TaskOrder
from trc.runtime.taskside.parts import OrderPart, OrderParts
from trc.runtime.taskside.result import AttemptResult, Failure, Verdict, WrittenOutput

TEXTS = st.text(max_size=20)
MAYBE = st.none() | TEXTS
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=3))
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)
SPANS = st.lists(st.tuples(st.integers(0), st.integers(0)), max_size=3).map(tuple)
FILES = st.lists(TEXTS, max_size=3).map(tuple)
INPUTS = st.builds(OrderInput, TEXTS, TEXTS, FILES, SPANS, st.none() | PAIRS)
PLACES = st.lists(st.lists(TEXTS | st.integers(0), min_size=2, max_size=3).map(tuple), max_size=2).map(tuple)
SECRETS = st.builds(OrderSecret, TEXTS, TEXTS, PLACES)
OUTPUTS = st.builds(OrderOutput, TEXTS, TEXTS, TEXTS, MAYBE)
ITEMS = st.builds(OrderCheck, TEXTS, TEXTS, st.dictionaries(TEXTS, VALUES, max_size=3), TEXTS, st.booleans())
CHECKS = st.builds(
    OrderChecks,
    TEXTS,
    INPUTS,
    TEXTS,
    st.lists(ITEMS, max_size=2).map(tuple),
    st.lists(INPUTS, max_size=2).map(tuple),
    TEXTS,
)
IDENTITIES = st.tuples(*[st.integers(0)] * 5)
PARTS = st.builds(
    OrderParts,
    TEXTS,
    TEXTS,
    PAIRS,
    st.lists(st.tuples(TEXTS, PAIRS), max_size=2).map(tuple),
    PAIRS,
    PAIRS,
    st.lists(st.builds(OrderPart, MAYBE, TEXTS, TEXTS, FILES), max_size=3).map(tuple),
    st.lists(st.tuples(TEXTS, IDENTITIES), max_size=2).map(tuple),
    TEXTS,
)
REPEATED = st.builds(OrderItem, VALUES, st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple), st.booleans())
ORDERS = st.builds(
    TaskOrder,
    *([TEXTS] * 3),
    st.integers(1),
    *([TEXTS] * 6),
    st.dictionaries(TEXTS, VALUES, max_size=3),
    MAYBE,
    st.lists(INPUTS, max_size=2).map(tuple),
    st.lists(OUTPUTS, max_size=2).map(tuple),
    st.dictionaries(TEXTS, TEXTS, max_size=3),
    st.none() | st.integers(0),
    st.none() | st.integers(0),
    st.none() | st.integers(1),
    st.lists(st.integers(), max_size=3).map(tuple),
    st.none() | CHECKS,
    st.none() | PARTS,
    item=st.none() | REPEATED,
    is_async=st.booleans(),
    environment=TEXTS,
    image=TEXTS,
    system_packages=st.lists(TEXTS, max_size=2).map(tuple),
    cpus=st.none() | st.floats(0.1, 8),
    gpus=st.none() | st.integers(1),
    resources=st.dictionaries(TEXTS, st.integers(1), max_size=2).map(lambda found: tuple(found.items())),
    node_labels=st.dictionaries(TEXTS, TEXTS, max_size=2).map(lambda found: tuple(found.items())),
    scratch=TEXTS,
    secrets=st.lists(SECRETS, max_size=2).map(tuple),
    handed=st.dictionaries(TEXTS, VALUES, max_size=3),
    network=st.dictionaries(TEXTS, VALUES, max_size=3),
)
VERDICTS = st.builds(
    Verdict,
    TEXTS,
    TEXTS,
    st.booleans(),
    st.integers(0),
    st.none() | st.integers(0),
    TEXTS,
    TEXTS,
    st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=2).map(tuple),
    TEXTS,
)
FAILURES = st.builds(Failure, *([TEXTS] * 5), st.none() | st.integers(), st.none() | st.integers(0))
WRITTEN = st.builds(WrittenOutput, TEXTS, TEXTS, st.integers(0), TEXTS, st.none() | st.integers(0))
RESULTS = st.builds(
    AttemptResult,
    TEXTS,
    st.none() | FAILURES,
    st.lists(WRITTEN, max_size=2).map(tuple),
    st.dictionaries(TEXTS, VALUES, max_size=3),
    TEXTS,
    *([st.floats(0, 1e10)] * 3),
    st.integers(0),
    st.lists(VERDICTS, max_size=2).map(tuple),
    st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=2).map(tuple),
)


_SELDOM = {
    "secrets", "parts", "is_async", "environment", "item", "image", "system_packages", "cpus", "gpus", "resources", "node_labels", "scratch",
    "handed", "submitted", "trace", "network", "fills", "filling",
}  # fmt: skip


@given(ORDERS)
def test_an_order_survives_json(order: TaskOrder) -> None:
    text = order.to_json()
    assert "\n" not in text
    assert TaskOrder.from_json(text) == order


@given(RESULTS)
def test_a_result_survives_json(result: AttemptResult) -> None:
    text = result.to_json()
    assert "\n" not in text
    assert AttemptResult.from_json(text) == result


@pytest.mark.parametrize("kind", [TaskOrder, AttemptResult])
def test_every_field_is_written(kind: Any) -> None:
    required = {"params": {}, "values": {}, "attempt": 1}
    fields = [field.name for field in dataclasses.fields(kind)]
    made = kind(**{
        field.name: required.get(field.name, "x")
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    })  # fmt: skip
    # These are written only where there are some: most orders have none.
    assert sorted({*made.to_dict(), *(_SELDOM & set(fields))}) == sorted(fields)


@pytest.mark.parametrize("kind", [TaskOrder, AttemptResult])
def test_another_version_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="has version 99; this runtime reads 1"):
        kind.from_json(json.dumps({"version": 99}))
