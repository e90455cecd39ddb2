"""A circuit breaker: whether a service that keeps failing is called now, as a value that events turn into the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from trc.runtime.taskside.records import record

State = Literal["closed", "open", "half_open"]


@record(frozen=True, slots=True)
class Limits:
    """So many `failures` within `window` seconds open it for `rest` seconds; the call after that is a probe.

    While probes fail it rests `factor` times as long each time, and at most `longest` seconds. A probe of which nobody says
    how it ended is given up after `patience` seconds.
    """

    failures: int = 5
    window: float = 60.0
    rest: float = 15.0
    factor: float = 2.0
    longest: float = 300.0
    patience: float = 60.0

    def __post_init__(self) -> None:
        assert self.failures >= 1, "no failure at all would open it"
        assert self.factor >= 1, "it rests longer, not shorter"


@record(frozen=True, slots=True)
class Breaker:
    """Closed, it lets every call pass; open, none; half open, one at a time, whose end decides.

    Times are in seconds of one clock, which may be set back: what seems to lie in the future counts as of now.
    """

    limits: Limits = Limits()
    state: State = "closed"
    failed_at: tuple[float, ...] = ()
    """The failures that count while it is closed, oldest first."""
    until: float = 0.0
    """Open: when it lets a probe pass. Half open: when the probe is given up."""
    opened: int = 0
    """How often it has opened since it was last closed."""

    def may_call(self, now: float) -> bool:
        """Whether a call may begin now; who begins one tells so by `called`."""
        return self.state == "closed" or self._wait(now) <= 0

    def wait(self, now: float) -> float:
        """For how many seconds no call may begin."""
        return 0.0 if self.state == "closed" else max(0.0, self._wait(now))

    def called(self, now: float) -> Breaker:
        """A call begins. It has to be one that may."""
        assert self.may_call(now), "the breaker is open"
        if self.state == "closed":
            return self
        return replace(self, state="half_open", until=now + self.limits.patience)

    def succeeded(self) -> Breaker:
        """A call ended well. One that had begun before it opened says nothing of now."""
        return self if self.state == "open" else Breaker(self.limits)

    def failed(self, now: float) -> Breaker:
        """A call ended badly."""
        if self.state == "open":
            return self
        if self.state == "half_open":
            return self._open(now)
        recent = tuple(min(at, now) for at in self.failed_at if now - at < self.limits.window)
        failed_at = (*recent, now)
        if len(failed_at) >= self.limits.failures:
            return self._open(now)
        return replace(self, failed_at=failed_at)

    def unclear(self, now: float) -> Breaker:
        """A call ended in a way that says nothing of the service: where it was a probe, another one may begin."""
        return replace(self, until=now) if self.state == "half_open" else self

    def _open(self, now: float) -> Breaker:
        rest = min(self.limits.rest * self.limits.factor ** min(self.opened, _MANY), self.limits.longest)
        return replace(self, state="open", failed_at=(), until=now + rest, opened=self.opened + 1)

    def _wait(self, now: float) -> float:
        longest = self.limits.longest if self.state == "open" else self.limits.patience
        wait = self.until - now
        # The clock was set back: nobody is to wait for longer than a rest is.
        return min(wait, longest)


_MANY: Final = 64
"""Beyond that the rest is the longest in any case, and the power would overflow."""
