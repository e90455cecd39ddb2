"""`Pipeline`: what a file of Python builds, and `trc` compiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trc.authoring.locations import Location, located
from trc.authoring.misuse import Misuse
from trc.authoring.options import DEFAULTS, HOOKS, DefaultOptions, Options, checked, policy_table
from trc.authoring.places import Spot, here
from trc.authoring.policies import Duration, Schedule, policy
from trc.authoring.refs import Dataset
from trc.authoring.tasks import Tasks
from trc.authoring.values import Entries, Param, Table, Written, keyed, listed, plain, seconds, text, whole

if TYPE_CHECKING:
    from typing import Unpack

Rows = Sequence[Mapping[str, Any]]


class Pipeline(Tasks):
    """A pipeline: its sources, its tasks, and what holds for all of them.

    Policies such as `retry` and `environment` are defaults of the tasks; `on_failure` and its kin tell of the
    pipeline's own runs, which take no longer than `deadline`, and make no more retries than `retry_budget` together. What `defaults(...)` says is for the tasks too.
    """

    def __init__(
        self,
        name: str,
        description: str | None = None,
        schedule: Schedule | Mapping[str, Any] | None = None,
        *,
        deadline: Duration | None = None,
        retry_budget: int | None = None,
        **options: Unpack[DefaultOptions],
    ) -> None:
        self.spot = spot = here()
        place = spot.argument(0, "name")
        self.name = text(name, "name", place)
        self._own: Table = [("name", place, self.name)]
        if description is not None:
            place = spot.argument(1, "description")
            self._own.append(("description", place, text(description, "description", place)))
        if schedule is not None:
            place = spot.argument(2, "schedule")
            written = policy(Schedule, 'cron("0 2 * * *")')(schedule, "schedule", place)
            self._own.append(("schedule", place, written))
        if deadline is not None:
            place = spot.argument(-1, "deadline")
            self._own.append(("deadline", place, seconds(deadline, "deadline", place)))
        if retry_budget is not None:
            place = spot.argument(-1, "retry_budget")
            self._own.append(("retry_budget", place, whole(retry_budget, "retry_budget", place)))
        given = checked(options, DEFAULTS, spot, "a pipeline")
        self._hooks: Options = {name: option for name, option in given.items() if name in HOOKS}
        self._defaults: Options = {name: option for name, option in given.items() if name not in HOOKS}
        self._params: Table = []
        self._sources: Table = []
        self._targets: Table = []
        self._tests: list[Written] = []

    def defaults(self, **options: Unpack[DefaultOptions]) -> None:
        """What holds for all tasks that do not say otherwise, hooks included."""
        self._defaults.update(checked(options, DEFAULTS, here(), "a pipeline"))

    def source(self, name: str, location: Location | str, columns: Mapping[str, str] | None = None) -> Dataset:
        """A dataset that no task writes: `source("orders", csv("data/orders.csv"))`."""
        spot = here()
        place = spot.argument(0, "name")
        table = located(location, "location", spot.argument(1, "location")).source()
        if columns is not None:
            inner = spot.argument(2, "columns")
            table = [*table, ("columns", inner, plain(keyed(columns, "columns", inner), "columns", inner))]
        self._sources.append((text(name, "name", place), place, Written(Entries(table), spot)))
        return Dataset(self, self._sources[-1][0])

    def param(
        self,
        name: str,
        type: str | None = None,  # noqa: A002 - the word for it
        default: Any = None,
        description: str | None = None,
    ) -> Param:
        """A parameter of the pipeline. In a text, and in an f-string, it is the template of its value."""
        spot = here()
        place = spot.argument(0, "name")
        table: Table = []
        for index, (key, value) in enumerate((("type", type), ("default", default), ("description", description))):
            if value is not None:
                at = spot.argument(index + 1, key)
                table.append((key, at, plain(value, key, at)))
        self._params.append((text(name, "name", place), place, Written(Entries(table), spot)))
        return Param(self._params[-1][0])

    def target(
        self,
        name: str,
        backend: str,
        state: str | None = None,
        params: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        """A named deployment environment; the backend's own settings are given under its name: `ecs={...}`."""
        spot = here()
        place = spot.argument(0, "name")
        table: Table = []
        for index, (key, value) in enumerate((("backend", backend), ("state", state), ("params", params))):
            if value is not None:
                at = spot.argument(index + 1, key)
                table.append((key, at, plain(value, key, at)))
        for key, value in settings.items():
            at = spot.argument(-1, key)
            table.append((key, at, plain(value, key, at)))
        self._targets.append((text(name, "name", place), place, Written(Entries(table), spot)))

    def test(
        self,
        name: str,
        given: Mapping[str | Dataset, Rows],
        expect: Mapping[str | Dataset, Rows],
        params: Mapping[str, Any] | None = None,
        values: Mapping[str | Dataset, Mapping[str, Any]] | None = None,
    ) -> None:
        """Rows that are given, values that tasks are taken to return, and rows that are then expected."""
        spot = here()
        place = spot.argument(0, "name")
        table: Table = [("name", place, text(name, "name", place))]
        if params is not None:
            at = spot.argument(3, "params")
            table.append(("params", at, plain(keyed(params, "params", at), "params", at)))
        for index, (key, value) in enumerate((("given", given), ("expect", expect))):
            at = spot.argument(index + 1, key)
            named = {one.name if isinstance(one, Dataset) else one: rows for one, rows in dict(value).items()}
            table.append((key, at, _rows(named, key, at)))
        if values is not None:
            at = spot.argument(4, "values")
            called = {one.name if isinstance(one, Dataset) else one: told for one, told in dict(values).items()}
            table.append(("values", at, plain(keyed(called, "values", at), "values", at)))
        self._tests.append(Written(Entries(table), spot))

    def tables(self) -> tuple[Table, Table]:
        """What the pipeline says of itself, in the keys of the tree: before its tasks, and after them."""
        before = list(self._own)
        named = (("params", self._params), ("sources", self._sources), ("targets", self._targets))
        before += [(key, self.spot, Written(Entries(table), self.spot)) for key, table in named if table]
        if self._defaults:
            before.append(("defaults", self.spot, Written(Entries(policy_table(self._defaults)), self.spot)))
        after = policy_table(self._hooks)
        if self._tests:
            after.append(("tests", self.spot, Written(self._tests, self.spot)))
        return before, after

    def refuse_duplicates(self) -> None:
        """Raises Misuse for a name that was given twice among the sources, the params or the targets."""
        for table in (self._sources, self._params, self._targets):
            seen: dict[str, Spot] = {}
            for name, spot, _value in table:
                if name in seen:
                    raise Misuse(
                        f'"{name}" is declared twice',
                        spot,
                        "give one of them another name",
                        code="TRC206",
                        related=((seen[name], "first declared here"),),
                    )
                seen[name] = spot


def _rows(value: Any, name: str, spot: Spot) -> Any:
    rows = keyed(value, name, spot)
    return {
        key: [plain(row, f'{name}["{key}"]', at) for row, at in listed(one, f'{name}["{key}"]', spot.at(key))]
        for key, one in rows.items()
    }
