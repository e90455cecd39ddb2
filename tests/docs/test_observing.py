"""The page about observing runs names everything that there is to be observed."""

from __future__ import annotations

import re
from pathlib import Path

from trc.runtime.telemetry import logs, traces
from trc.runtime.telemetry.metrics import FAMILIES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "observing.md").read_text()
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]


def test_every_metric_stands_there_with_its_kind_and_labels() -> None:
    told = {row[0].strip("| `"): [cell.strip(" |") for cell in row[1:]] for row in ROWS if row[0].startswith("| `trc_")}
    assert list(told) == [one.name for one in FAMILIES]
    for family in FAMILIES:
        labels = ", ".join(family.labels)
        by_task = "task" in family.labels
        assert told[family.name][: 1 if by_task else 2] == ([labels] if by_task else [family.kind, labels])


def test_every_event_of_the_log_and_every_attribute_of_spans_stands_there() -> None:
    events = set(
        re.findall(r'"((?:run|attempt|task|output|expectation)\.[a-z]+|diagnostic)"', Path(logs.__file__).read_text())
    )
    attributes = set(re.findall(r'"(trc\.[a-z_.]+)"', Path(traces.__file__).read_text()))
    for name in events | attributes:
        assert f"`{name}`" in PAGE
    assert events == {
        row[0].strip("| `")
        for row in ROWS
        if re.match(r"\| `(run|attempt|task|output|expectation)\.|\| `diagnostic`", row[0])
    }
