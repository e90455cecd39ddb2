"""Finds tasks of all runs of the store that are equal to one that is to run, and what became of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final

from trc.runtime.clock import Clock
from trc.runtime.drivers import is_driven
from trc.runtime.listing import Inputs
from trc.runtime.planner import Planner
from trc.runtime.scheduler.commands import FindTwin
from trc.runtime.scheduler.events import StandsAlone, StandsBehind, TwinEnded
from trc.runtime.spec import TaskSpec, TwinSpec
from trc.runtime.store.journal import Driver, Journal, RunRecord, TaskState, Transaction, Twin
from trc.runtime.store.results import Result
from trc.runtime.taskside.records import record

_STATES: Final[Mapping[TaskState, int]] = {
    "pending": 0,
    "paused": 0,
    "claimed": 1,
    "running": 1,
    "success": 2,
}
_COUNTED: Final = {"pending": 0, "running": 1, "success": 2}

Found = StandsAlone | StandsBehind | TwinEnded


@record(frozen=True, slots=True)
class TwinKeeper:
    """Asks the store on behalf of one run."""

    journal: Journal
    run: RunRecord
    clock: Clock
    planner: Planner
    standing: set[str] = field(default_factory=set[str])
    """The tasks of the run that were told that they stand alone, though it may not be written yet that they are pending."""

    def find(
        self, command: FindTwin, spec: TaskSpec, inputs: Inputs, transaction: Transaction
    ) -> tuple[Found, Result | None]:
        """What stands for the task, and the result that does: none, where the task makes none."""
        drivers = self.journal.drivers()
        self.standing.discard(command.task)
        known = {
            group: self._known(group, transaction) for group in groups_of(spec, self.run.pipeline, inputs.key).values()
        }
        followed = next(
            (one for twins in known.values() for one in twins if (one.run, one.task) == command.behind), None
        )
        for one in self._candidates(command, spec, inputs, known, followed):
            if one.state == "failure" and one is followed:
                return TwinEnded(self.clock.now(), command.task, one.run, one.task, one.error or {}), None
            if one.state == "success" or (one.state == "skipped" and one is followed):
                result = self._result(one, spec, inputs)
                if result is not None or not spec.outputs:
                    return TwinEnded(self.clock.now(), command.task, one.run, one.task), result
            elif self._is_on_its_way(one, drivers):
                # Whoever waits stands for nobody: two that wait for each other would never begin.
                transaction.drop_twins([Twin(group, self.run.id, command.task, "") for group in known])
                return StandsBehind(self.clock.now(), command.task, one.run, one.task), None
        self._stand(command.task, inputs, known, transaction)
        self.standing.add(command.task)
        return StandsAlone(self.clock.now(), command.task), None

    def _known(self, group: str, transaction: Transaction) -> list[Twin]:
        """Those of a group. One that waits for its needs, in a run that was taken up again, has not been asked about yet."""
        twins = transaction.twins(group)
        return [
            one._replace(state="pending")
            if one.run == self.run.id and one.state == "waiting" and one.task in self.standing
            else one
            for one in twins
        ]

    def _candidates(
        self,
        command: FindTwin,
        spec: TaskSpec,
        inputs: Inputs,
        known: Mapping[str, list[Twin]],
        followed: Twin | None,
    ) -> Iterator[Twin]:
        """The one that it waits for, in whatever state that is by now; then those that the rules count, the first put first."""
        if followed is not None:
            yield followed
        for rule, group in groups_of(spec, self.run.pipeline, inputs.key).items():
            for one in known[group]:
                state = _STATES.get(one.state)
                is_own = (one.run, one.task) == (self.run.id, command.task)
                if state is None or is_own or state > _COUNTED[rule.state] or (state == _DONE and command.anew):
                    continue
                yield one

    def _is_on_its_way(self, one: Twin, drivers: Mapping[str, tuple[Driver, float]]) -> bool:
        """Whether it will come to an end without anybody's doing: what never began and is paused may not."""
        if one.state not in _STATES or (one.state == "paused" and not one.attempt):
            return False
        if one.run == self.run.id:
            return True
        run = self.journal.run(one.run)
        return run is not None and is_driven(run, drivers, self.clock)

    def _result(self, one: Twin, spec: TaskSpec, inputs: Inputs) -> Result | None:
        return self.planner.standing(spec, inputs, one.key) if spec.outputs else None

    def _stand(self, task: str, inputs: Inputs, known: Mapping[str, list[Twin]], transaction: Transaction) -> None:
        """Has others of its groups wait for the task. Of those that have ended, the last success is kept."""
        for group, twins in known.items():
            ended = [one for one in twins if one.run_state != "running"]
            last = next((one for one in reversed(ended) if one.state == "success"), None)
            transaction.drop_twins([one for one in ended if one is not last])
            transaction.put_twin(Twin(group, self.run.id, task, inputs.key))


_DONE: Final = _COUNTED["success"]


def groups_of(spec: TaskSpec, pipeline: str, key: str) -> Mapping[TwinSpec, str]:
    """By rule, the group that the task is of: with its item, if it is one of several."""
    item = None if spec.item is None else [spec.item.value, spec.item.types]
    return {
        rule: hashlib.sha256(
            json.dumps([rule.group, item] if rule.group else [pipeline, spec.name, key], default=str).encode()
        ).hexdigest()[:32]
        for rule in spec.twins
    }
