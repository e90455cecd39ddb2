"""The critical path through a run: the chain of tasks that decided how long it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class Span:
    """When a task began its first attempt and when it was done with; times in seconds.

    One that `is_still` had no attempt: it was settled at once, as what is up to date is.
    """

    began: float
    ended: float
    is_still: bool = False


@record(frozen=True, slots=True)
class Step:
    """A task of the path: it waited since the step before it (or the run) and then took until its end, in seconds."""

    task: str
    waited: float
    took: float

    @property
    def seconds(self) -> float:
        """By how much the task made the run longer."""
        return self.waited + self.took


def critical_path(spans: Mapping[str, Span], needs: Mapping[str, Iterable[str]], began: float) -> tuple[Step, ...]:
    """The chain that leads to the task that ended last, in the order of time.

    Before each task stands the one, of those that it waited for, that ended last before it began; the first began
    when none that it waited for had kept it, and waited since the run `began`. So the seconds of all steps add up to
    the time from there to the end of the last one. Of tasks that ended together the one that began first counts.

    >>> spans = {"a": Span(1, 3), "b": Span(1, 2), "c": Span(3, 7)}
    >>> [(one.task, one.waited, one.took) for one in critical_path(spans, {"c": ["a", "b"]}, 0)]
    [('a', 1, 2), ('c', 0, 4)]
    """
    at = _last(spans, (task for task, span in spans.items() if not span.is_still))
    chain: list[str] = []
    while at is not None:
        chain.append(at)
        began_at = spans[at].began
        at = _last(spans, (one for one in needs.get(at, ()) if one in spans and spans[one].ended <= began_at))
    steps: list[Step] = []
    since = began
    for task in reversed(chain):
        span = spans[task]
        if span.ended >= since:
            steps.append(Step(task, max(span.began - since, 0), span.ended - max(span.began, since)))
            since = span.ended
    return tuple(steps)


def _last(spans: Mapping[str, Span], tasks: Iterable[str]) -> str | None:
    """The task that ended last."""
    return max(tasks, key=lambda task: (spans[task].ended, -spans[task].began), default=None)
