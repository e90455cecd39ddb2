"""How tasks are run, in the author's words: retries, environments, skipping, rules, hooks, schedules and checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, Union

from trc.authoring.misuse import Misuse, wrong_kind
from trc.authoring.places import Spot, here
from trc.authoring.refs import Dataset
from trc.authoring.values import (
    Entries,
    Table,
    Written,
    boolean,
    keyed,
    number,
    plain,
    seconds,
    text,
    texts,
    whole,
)

Check = Callable[[Any, str, Spot], Any]
Duration = Union[int, float, str, Any]


class Policy:
    """A part of the tree that was written in a call of its own."""

    def __init__(self, table: Table, spot: Spot) -> None:
        self.table = table
        self.spot = spot

    def written(self) -> Written:
        return Written(Entries(self.table), self.spot)


class RetryPolicy(Policy):
    """How often and how fast a failed attempt is repeated; `attempts` counts the first.

    `initial` and `max` are the first and the longest delay: seconds, or a text such as `1m30s`. `backoff` is
    `fixed` or `exponential`, `jitter` is `none`, `full` or `equal`. `errors` gives failures attempts of their own, by
    the name of an exception's class, an exit code, or a word such as `timeout`. With `retry_on`, only these exit codes
    are tried again.
    """

    def __init__(
        self,
        attempts: int | None = None,
        *,
        backoff: str | None = None,
        initial: Duration | None = None,
        factor: float | None = None,
        max: Duration | None = None,  # noqa: A002 - the word for it
        jitter: str | None = None,
        errors: Mapping[str | int, int] | None = None,
        retry_on: Sequence[int] | None = None,
    ) -> None:
        spot = here()
        table = _table(
            spot,
            ("attempts", "max_attempts", attempts, whole),
            ("backoff", "backoff", backoff, text),
            ("initial", "initial_delay_seconds", initial, seconds),
            ("factor", "backoff_factor", factor, number),
            ("max", "max_delay_seconds", max, seconds),
            ("jitter", "jitter", jitter, text),
            ("errors", "errors", errors, _errors),
            ("retry_on", "retry_on", retry_on, _codes),
        )
        super().__init__(table, spot)


def _errors(value: Any, name: str, spot: Spot) -> Any:
    """Attempts by a failure's name; an exit code may be a number."""
    if not isinstance(value, Mapping):
        raise wrong_kind(name, value, "a dict of attempts", spot, 'write it like {"timeout": 5}')
    return plain({str(key): one for key, one in value.items()}, name, spot)


def _codes(value: Any, name: str, spot: Spot) -> list[int]:
    if not isinstance(value, (list, tuple)):
        raise Misuse(f'"{name}" is a list of exit codes', spot, "write it in brackets: [137]")
    return [whole(item, f"{name}[{index}]", spot.at(index)) for index, item in enumerate(value)]


class Environment(Policy):
    """The world that a task's process runs in; `variables` are those that it sees."""

    def __init__(
        self,
        *,
        python: str | None = None,
        requirements: Sequence[str] | None = None,
        requirements_file: str | None = None,
        system_packages: Sequence[str] | None = None,
        image: str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> None:
        spot = here()
        table = _table(
            spot,
            ("python", "python_version", python, text),
            ("requirements", "requirements", requirements, texts),
            ("requirements_file", "requirements_file", requirements_file, text),
            ("system_packages", "system_packages", system_packages, texts),
            ("image", "image", image, text),
            ("variables", "env", variables, plain),
        )
        super().__init__(table, spot)


class Partition(Policy):
    """A column that the folders of a source are named after: the task runs for each of its values by itself."""

    def __init__(self, column: str) -> None:
        spot = here()
        super().__init__(_table(spot, ("column", "partition", column, text)), spot)


class Incremental(Policy):
    """When a task may be skipped, and what it runs by: see `incremental` of the YAML format."""

    def __init__(
        self,
        enabled: bool | None = None,
        *,
        strategy: str | None = None,
        max_age: Duration | None = None,
        checksum_fields: Sequence[str] | None = None,
        dependency_check: bool | None = None,
        by: Partition | Mapping[str, str] | None = None,
    ) -> None:
        spot = here()
        table = _table(
            spot,
            ("enabled", "enabled", enabled, boolean),
            ("strategy", "strategy", strategy, text),
            ("max_age", "max_age_seconds", max_age, seconds),
            ("checksum_fields", "checksum_fields", checksum_fields, texts),
            ("dependency_check", "dependency_check", dependency_check, boolean),
            ("by", "by", by, policy(Partition, 'Partition("day")')),
        )
        super().__init__(table, spot)


class Concurrency(Policy):
    """At most `max` tasks of a type, with equal values of `fields`, run at a time."""

    def __init__(
        self,
        max: int,  # noqa: A002 - the word for it
        type: str | None = None,  # noqa: A002 - the word for it
        fields: Sequence[str] | None = None,
    ) -> None:
        spot = here()
        match = _table(spot, ("type", "type", type, text, 1), ("fields", "fields", fields, texts, 2))
        table = _table(spot, ("max", "max", max, whole))
        if match:
            table.append(("match", match[0][1], Written(Entries(match), match[0][1])))
        super().__init__(table, spot)


class Dedupe(Policy):
    """A task equal in `fields` to one that is in `state` is not created."""

    def __init__(self, state: str, fields: Sequence[str] | None = None) -> None:
        spot = here()
        super().__init__(
            _table(spot, ("state", "state", state, text), ("fields", "fields", fields, texts)),
            spot,
        )


class Breaker(Policy):
    """A service that a task needs: after temporary `failures` in a row, no attempt begins until it answers again."""

    def __init__(
        self,
        service: str,
        failures: int | None = None,
        *,
        window: Duration | None = None,
        rest: Duration | None = None,
    ) -> None:
        spot = here()
        table = _table(
            spot,
            ("service", "service", service, text),
            ("failures", "failures", failures, whole),
            ("window", "window_seconds", window, seconds),
            ("rest", "rest_seconds", rest, seconds),
        )
        super().__init__(table, spot)


class Webhook(Policy):
    """A URL that is told of what happened."""


def webhook(url: str) -> Webhook:
    """Tells a URL when a task or a run changes state: `on_failure=webhook("https://…")`."""
    spot = here()
    return Webhook(_table(spot, ("url", "webhook", url, text)), spot)


class Schedule(Policy):
    """When the pipeline is started."""


def cron(expression: str, timezone: str | None = None) -> Schedule:
    """A schedule as cron writes it: `cron("0 2 * * *", timezone="Europe/Paris")`."""
    spot = here()
    return Schedule(
        _table(spot, ("expression", "cron", expression, text), ("timezone", "timezone", timezone, text)), spot
    )


def every(interval: Duration, timezone: str | None = None) -> Schedule:
    """A schedule of equal steps: `every("6h")`."""
    spot = here()
    return Schedule(
        _table(spot, ("interval", "interval_seconds", interval, seconds), ("timezone", "timezone", timezone, text)),
        spot,
    )


class Expectation(Policy):
    """A check on a task's rows before they are published, by its name, with what it is given."""

    def __init__(self, check: str, arguments: Any = None, severity: str | None = None) -> None:
        spot = here()
        place = spot.argument(1, "arguments")
        table: Table = [
            (text(check, "check", spot.argument(0, "check")), place, plain(arguments, "arguments", place)),
            *_severity(severity, spot.argument(2, "severity")),
        ]
        super().__init__(table, spot)


class _NamedExpectation(Expectation):
    def __init__(self, table: Table, spot: Spot) -> None:
        Policy.__init__(self, table, spot)


def not_null(column: str | Sequence[str], severity: str | None = None, *, store_failures: bool = False) -> Expectation:
    """Expects that a column, or each of several, holds a value in each row."""
    spot = here()
    return _named("not_null", spot, "column", column, severity, store_failures)


def unique(column: str | Sequence[str], severity: str | None = None, *, store_failures: bool = False) -> Expectation:
    """Expects that no two rows are alike in a column, or in several together."""
    spot = here()
    return _named("unique", spot, "column", column, severity, store_failures)


def check(condition: str, severity: str | None = None, *, store_failures: bool = False) -> Expectation:
    """Expects that a condition of SQL holds for each row: `check("revenue >= 0", severity="warn")`."""
    spot = here()
    return _named("check", spot, "condition", condition, severity, store_failures)


def accepted_values(
    column: str, values: Sequence[Any], severity: str | None = None, *, store_failures: bool = False
) -> Expectation:
    """Expects that a column holds these values and no others."""
    spot = here()
    fields = (("column", 0, column), ("values", 1, list(values)))
    return _checked("accepted_values", spot, fields, severity, 2, store_failures)


def relationships(
    column: str,
    to: Dataset | str,
    field: str | None = None,
    severity: str | None = None,
    *,
    store_failures: bool = False,
) -> Expectation:
    """Expects that each value of a column is found in a column of another dataset: `relationships("customer", customers, "id")`."""
    spot = here()
    fields = (("column", 0, column), ("field", 2, field))
    place = spot.argument(1, "to")
    if not isinstance(to, (Dataset, str)):
        raise wrong_kind("to", to, "a dataset, or the name of one", place)
    return _checked("relationships", spot, fields, severity, 3, store_failures, [("to", place, to)])


def row_count(
    min: int | None = None,  # noqa: A002 - the words of the format
    max: int | None = None,  # noqa: A002
    severity: str | None = None,
) -> Expectation:
    """Expects so many rows: `row_count(1)` for at least one, `row_count(max=100)` for at most a hundred."""
    spot = here()
    return _checked("row_count", spot, (("min", 0, min), ("max", 1, max)), severity, 2, store_failures=False)


def freshness(column: str, max_age: Duration, severity: str | None = None) -> Expectation:
    """Expects that the newest time of a column is not older than this at the run's logical time: `freshness("at", "25h")`."""
    spot = here()
    place = spot.argument(1, "max_age")
    fields = (("column", 0, column), ("max_age", 1, seconds(max_age, "max_age", place)))
    return _checked("freshness", spot, fields, severity, 2, store_failures=False)


def _named(  # noqa: PLR0917 - one for each check
    name: str, spot: Spot, parameter: str, arguments: Any, severity: str | None, store_failures: bool
) -> Expectation:
    place = spot.argument(0, parameter)
    table: Table = [(name, place, plain(arguments, parameter, place))]
    return _NamedExpectation([*table, *_options(severity, store_failures, spot, 1)], spot)


def _checked(  # noqa: PLR0917 - one for each check
    name: str,
    spot: Spot,
    fields: Any,
    severity: str | None,
    position: int,
    store_failures: bool,
    datasets: Sequence[tuple[str, Spot, Any]] = (),
) -> Expectation:
    """A check whose arguments have names; what its datasets are called is known when all is declared."""
    inner: Table = list(datasets)
    for key, index, value in fields:
        if value is not None:
            place = spot.argument(index, key)
            inner.append((key, place, plain(value, key, place)))
    table: Table = [(name, spot, Written(Entries(inner), spot))]
    return _NamedExpectation([*table, *_options(severity, store_failures, spot, position)], spot)


def _options(severity: str | None, store_failures: bool, spot: Spot, position: int) -> Table:
    kept: Table = []
    if store_failures:
        place = spot.argument(position + 1, "store_failures")
        kept = [("store_failures", place, plain(store_failures, "store_failures", place))]
    return [*_severity(severity, spot.argument(position, "severity")), *kept]


def _severity(severity: str | None, spot: Spot) -> Table:
    return [] if severity is None else [("severity", spot, text(severity, "severity", spot))]


def _table(spot: Spot, *fields: Any) -> Table:
    """The keys that were given: `(parameter, key, value, check)`, in the order of the parameters."""
    table: Table = []
    for index, (name, key, value, check_value, *position) in enumerate(fields):
        if value is not None:
            place = spot.argument(position[0] if position else index, name)
            table.append((key, place, check_value(value, name, place)))
    return table


def policy(kind: type[Policy], how: str) -> Check:
    """A check that a value is a policy of a kind; a dict is taken with the keys of the YAML format."""

    def checked(value: Any, name: str, spot: Spot) -> Any:
        if isinstance(value, kind):
            return value.written()
        if isinstance(value, Mapping):
            return Written(plain(keyed(value, name, spot), name, spot), spot)
        raise wrong_kind(name, value, f"a {kind.__name__}", spot, f"write it like {how}")

    return checked
