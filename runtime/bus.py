"""Passes on what happens in a run to those who listen, and lets no mistake of theirs touch the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.observe import (
    EnvironmentMoved,
    Happening,
    MessagesTried,
    Observer,
    RunFinished,
    RunOpened,
    TaskMoved,
    TaskProgressed,
    TasksAdded,
    Ticked,
    Waiting,
    Wished,
)
from trc.runtime.taskside.records import record

KINDS: tuple[type[Happening], ...] = (
    RunOpened,
    TaskMoved,
    TasksAdded,
    TaskProgressed,
    EnvironmentMoved,
    Ticked,
    Waiting,
    Wished,
    RunFinished,
    MessagesTried,
)
"""All that happens in a run."""


@record(frozen=True, slots=True)
class _Listener:
    name: str
    hear: Observer


@dataclass(slots=True)
class Bus:
    """Itself an observer of the run. Listeners hear in the order in which they came, each what it came for.

    One that raises is left out from then on, and `problems` tells of it, once. They are called in the run's own loop: who has
    something slow to do does it in a thread. What happens is durable when it is told, but for `RunOpened`; what has to reach
    somebody although this process may die is a hook's.
    """

    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    _listeners: dict[type[Happening], tuple[_Listener, ...]] = field(
        default_factory=dict[type[Happening], tuple[_Listener, ...]]
    )

    def subscribe(self, name: str, hear: Observer, kinds: Sequence[type[Happening]] = KINDS) -> Callable[[], None]:
        """Has `hear` called with what happens of these kinds, under a name for messages; answers what ends that."""
        listener = _Listener(name, hear)
        for kind in kinds:
            self._listeners[kind] = (*self._listeners.get(kind, ()), listener)
        return lambda: self._leave_out(listener)

    def __call__(self, happening: Happening) -> None:
        for listener in self._listeners.get(type(happening), ()):
            try:
                listener.hear(happening)
            except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
                self._leave_out(listener)
                self.problems.append(_left_out(listener.name, happening, error))

    def _leave_out(self, listener: _Listener) -> None:
        for kind, listeners in self._listeners.items():
            self._listeners[kind] = tuple(one for one in listeners if one is not listener)


def _left_out(name: str, happening: Happening, error: Exception) -> Diagnostic:
    said = str(error).partition("\n")[0]
    told = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return Diagnostic(
        "TRC639",
        f'"{name}" could not take in {type(happening).__name__}, and hears nothing more of this run: {told}',
        help=("the run itself is not touched by it",),
        severity="warning",
    )
