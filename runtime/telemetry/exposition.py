"""Prometheus' text format: families of numbers by their labels, written and read again."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from trc.runtime.taskside.records import record

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[str, ...]
"""The values of a family's labels, in their order."""
Series = tuple[str, tuple[tuple[str, str], ...]]
"""A line's name, and its labels as they are written."""
_LINE: Final = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_ESCAPED: Final = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


@record(frozen=True, slots=True)
class Family:
    """A metric: its name, what it is, and which labels tell its numbers apart. A histogram has upper `bounds`, ascending."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()


@dataclass(slots=True)
class Numbers:
    """What has been counted and measured so far, by family."""

    families: Sequence[Family]
    _values: dict[str, dict[Labels, float]] = field(init=False)
    _buckets: dict[str, dict[Labels, list[float]]] = field(init=False)
    """Of histograms, how many values fell into each bucket, the one without bound last; sums are with the values."""

    def __post_init__(self) -> None:
        self._values = {one.name: {} for one in self.families}
        self._buckets = {one.name: {} for one in self.families if one.kind == "histogram"}

    def add(self, family: Family, labels: Labels, by: float = 1.0) -> None:
        """Counts."""
        values = self._values[family.name]
        values[labels] = values.get(labels, 0.0) + by

    def set(self, family: Family, labels: Labels, value: float) -> None:
        """Says what a gauge stands at."""
        self._values[family.name][labels] = value

    def observe(self, family: Family, labels: Labels, value: float) -> None:
        """Puts a value into its bucket."""
        buckets = self._buckets[family.name].get(labels)
        if buckets is None:
            buckets = self._buckets[family.name][labels] = [0.0] * (len(family.bounds) + 1)
        buckets[bisect_left(family.bounds, value)] += 1
        self.add(family, labels, value)

    def series(self) -> dict[Series, float]:
        """Every line that there is, by its name and labels."""
        return {series: value for family in self.families for series, value in self._of(family)}

    def _of(self, family: Family) -> Iterator[tuple[Series, float]]:
        for labels, value in self._values[family.name].items():
            pairs = tuple(zip(family.labels, labels))
            if family.kind != "histogram":
                yield (family.name, pairs), value
                continue
            below = 0.0
            for bound, count in zip((*family.bounds, math.inf), self._buckets[family.name][labels]):
                below += count
                yield (f"{family.name}_bucket", (*pairs, ("le", _number(bound)))), below
            yield (f"{family.name}_sum", pairs), value
            yield (f"{family.name}_count", pairs), below


def written(families: Iterable[Family], series: Mapping[Series, float]) -> str:
    r"""The text of all series of the families, in their order.

    >>> hits = Family("hits_total", "counter", "Hits.", ("site",))
    >>> print(written([hits], {("hits_total", (("site", 'a"b'),)): 2.0}), end="")
    # HELP hits_total Hits.
    # TYPE hits_total counter
    hits_total{site="a\"b"} 2
    """
    grouped: dict[str, list[str]] = {}
    for (name, labels), value in series.items():
        grouped.setdefault(name, []).append(f"{name}{_braced(labels)} {_number(value)}")
    lines: list[str] = []
    for family in families:
        names = _names(family)
        found = [line for name in names for line in grouped.get(name, ())]
        if found:
            lines += [f"# HELP {family.name} {_help(family.help)}", f"# TYPE {family.name} {family.kind}", *found]
    return "".join(f"{line}\n" for line in lines)


def read(text: str) -> dict[Series, float]:
    """The series of a text that `written` made; raises ValueError for another."""
    series: dict[Series, float] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if found is None:
            raise ValueError(f"this is no line of a metric: {line[:80]}")
        name, labels, value = found.groups()
        pairs = tuple((label, _unescaped(one)) for label, one in _LABEL.findall(labels or ""))
        series[name, pairs] = float(value)
    return series


def _names(family: Family) -> tuple[str, ...]:
    if family.kind != "histogram":
        return (family.name,)
    return (f"{family.name}_bucket", f"{family.name}_sum", f"{family.name}_count")


def _braced(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return re.sub(r'[\\"\n]', lambda found: _ESCAPES[found[0]], value)


def _unescaped(value: str) -> str:
    return re.sub(r'\\[\\"n]', lambda found: _ESCAPED[found[0]], value)


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(value)
