"""The language of selections: which tasks of a pipeline a text names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.runtime.errors import Stopped
from trc.runtime.spec import PipelineSpec, TaskSpec

States = Callable[[str], AbstractSet[str]]
"""The tasks in one of `STATES`."""

STATES: Final = ("changed", "new", "failed")
METHODS: Final = ("tag", "type", "state")
_MOST_TOLD: Final = 8
_AROUND: Final = re.compile(r"(?P<all>@)?(?:(?P<up>\d*)\+)?(?P<body>.*?)(?:\+(?P<down>\d*))?", re.DOTALL)
_METHOD: Final = re.compile(rf"({'|'.join(METHODS)}):(.*)", re.DOTALL)


def no_states(state: str) -> frozenset[str]:
    """Nothing is recorded: no task is in any state."""
    del state
    return frozenset()


@dataclass(slots=True)
class Edges:
    """What tasks need (`up`) and what needs them (`down`)."""

    up: dict[str, set[str]]
    down: dict[str, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.down = {name: set() for name in self.up}
        for name, needed in self.up.items():
            for one in needed:
                self.down[one].add(name)


def edges_of(whole: PipelineSpec) -> Edges:
    return Edges({task.name: {need.task for need in task.needs} for task in whole.tasks})


@dataclass(slots=True)
class Selector:
    """Reads selections of one pipeline; `option` is how the user gives them.

    A selection is a task's name, or a pattern of names (`stg_*`), or `tag:`, `type:` or `state:` with a value. `+` in front of it takes all that it needs,
    behind it all that needs it, with a number only so many steps of that (`2+report+1`). `@` in front takes what needs it with all
    that this needs. Selections behind commas are taken only as far as all of them name a task, those behind spaces in any case.
    A name that there is is that task, whatever signs it has.
    """

    whole: PipelineSpec
    states: States = no_states
    option: str = "--select"
    _edges: Edges = field(init=False)

    def __post_init__(self) -> None:
        self._edges = edges_of(self.whole)

    def tasks(self, text: str) -> frozenset[str]:
        """The tasks that a selection names. Raises Stopped for one that can name none."""
        named = self.whole.task(text)
        if named is not None:
            return frozenset({named.name})
        words = text.split() or [text]
        return frozenset(name for word in words for name in self._all_of(word))

    def _all_of(self, text: str) -> frozenset[str]:
        named = self.whole.task(text)
        if named is not None:
            return frozenset({named.name})
        found = [self._one(part, text) for part in text.split(",")]
        both = frozenset.intersection(*found)
        # That no task is in a state is an answer, and no mistake.
        if not both and len(found) > 1 and "state:" not in text:
            remedy = "each part behind a comma names tasks, and no task is among all of them"
            raise self._stopped(f'{self.option} "{text}" names no task of "{self.whole.name}"', (remedy,))
        return both

    def _one(self, text: str, whole_text: str) -> frozenset[str]:
        named = self.whole.task(text)
        if named is not None:
            return frozenset({named.name})
        around = _AROUND.fullmatch(text)
        assert around is not None, "the pattern leaves nothing out"
        start = self._body(around["body"], whole_text)
        found = set(start)
        if around["all"]:
            below = reached(start, self._edges.down)
            found |= reached(below, self._edges.up)
        if around["up"] is not None:
            found |= reached(start, self._edges.up, _steps(around["up"]))
        if around["down"] is not None:
            found |= reached(start, self._edges.down, _steps(around["down"]))
        return frozenset(found)

    def _body(self, text: str, whole_text: str) -> frozenset[str]:
        named = self.whole.task(text)
        if named is not None:
            return frozenset({named.name})
        method = _METHOD.fullmatch(text)
        if method is not None:
            return self._by(method[1], method[2], whole_text)
        found = frozenset(_like(text, ((task.name, task) for task in self.whole.tasks)))
        if not found:
            raise self._unknown(whole_text, text, [task.name for task in self.whole.tasks])
        return found

    def _by(self, method: str, value: str, whole_text: str) -> frozenset[str]:
        if method == "state":
            if value not in STATES:
                raise self._unknown(whole_text, value, STATES)
            # That nothing is changed is an answer, and no mistake.
            return frozenset(self.states(value))
        labels = [(label, task) for task in self.whole.tasks for label in _labels(method, task)]
        found = frozenset(_like(value, labels))
        if not found:
            raise self._unknown(whole_text, value, dict.fromkeys(label for label, _ in labels))
        return found

    def _unknown(self, text: str, part: str, known: Collection[str]) -> Stopped:
        listed = ", ".join(list(known)[:_MOST_TOLD]) + (" …" if len(known) > _MOST_TOLD else "")
        remedy = did_you_mean(part, known) or ((f"there are: {listed}",) if known else ("there are none",))
        return self._stopped(f'{self.option} "{text}" names no task of "{self.whole.name}"', remedy)

    def _stopped(self, message: str, remedy: tuple[str, ...]) -> Stopped:
        return Stopped([Diagnostic("TRC625", message, help=remedy)], 3)


def reached(start: AbstractSet[str], edges: Mapping[str, AbstractSet[str]], steps: int | None = None) -> set[str]:
    """All that edges lead to in so many steps (None for any), with what they start from."""
    found, latest = set(start), set(start)
    while latest and (steps is None or steps > 0):
        latest = {name for one in latest for name in edges[one]} - found
        found |= latest
        steps = None if steps is None else steps - 1
    return found


def _steps(written: str) -> int | None:
    return int(written) if written else None


def _labels(method: str, task: TaskSpec) -> tuple[str, ...]:
    return task.tags if method == "tag" else (task.type,)


def _like(pattern: str, labelled: Iterable[tuple[str, TaskSpec]]) -> Iterable[str]:
    folded = pattern.casefold()
    return (task.name for label, task in labelled if fnmatchcase(label.casefold(), folded))
