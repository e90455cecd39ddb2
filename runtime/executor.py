"""How the loop has attempts run: the seam that every backend implements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from trc.runtime.spec import TaskSpec
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import AttemptResult, Failure


class Unavailable(Exception):  # noqa: N818 - a fact of this machine
    """No attempt can be run here, and why; `tasks` were to be. Raised before any has begun."""

    def __init__(self, failure: Failure, tasks: tuple[str, ...]) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.tasks = tasks


class Severed(Unavailable):
    """What attempts ran on is gone, and why; `tasks` ran there. The run is not over: the next driver goes on with it."""


@record(frozen=True, slots=True)
class Needed:
    """What `tasks` of a run are going to run in: fields of their orders."""

    tasks: tuple[str, ...]
    project: str
    environment: str = ""
    image: str = ""
    system_packages: tuple[str, ...] = ()


@record(frozen=True, slots=True)
class Prepared:
    """What tasks run in was not there: it is being built, or was, in so many seconds, or cannot be had."""

    at: float
    tasks: tuple[str, ...]
    state: Literal["building", "built", "failed"]
    what: str
    """Such as `Python 3.12, 5 packages`."""
    seconds: float = 0.0


@record(frozen=True, slots=True)
class Started:
    """The attempt's own code has begun; `at` is in seconds since the epoch."""

    token: str
    at: float


@record(frozen=True, slots=True)
class Queued:
    """The attempt has not begun, because others are before it, or what it runs in is being built: nobody need worry about it.

    Told now and then for as long as that is so.
    """

    token: str
    at: float


@record(frozen=True, slots=True)
class Progressed:
    """The attempt is alive, and says how far it is; `done` is None where it only says that it is alive."""

    token: str
    at: float
    done: int | None
    total: int | None


@record(frozen=True, slots=True)
class Ended:
    """The attempt is over, in success or failure."""

    token: str
    at: float
    result: AttemptResult


@record(frozen=True, slots=True)
class Lost:
    """The attempt never began, or nobody knows how it ended, through no fault of its own."""

    token: str
    at: float
    why: str


Report = Prepared | Queued | Started | Progressed | Ended | Lost


class Executor(Protocol):
    """Starts, watches and stops attempts. It keeps no state that outlives it."""

    @property
    def slots(self) -> int:
        """How many attempts may be handed over at a time: those that run and those kept ready.

        At least one. It may change while attempts run: more are kept ready if they turn out to be short.
        """
        ...

    @property
    def async_slots(self) -> int:
        """How many attempts that share a process may be handed over at a time, beside the others; 0 where they take `slots`."""
        ...

    def expect(self, tasks: Sequence[TaskSpec]) -> None:
        """Told before the first `start` which tasks will begin at once: what takes long to be there for them may be begun now."""
        ...

    def prepare(self, ahead: Sequence[Needed]) -> None:
        """Told before the first `start` what tasks that are sure to run will run in: begins to build it, all beside each other.

        Raises `Unavailable` where something is needed and nothing can be run at all.
        """
        ...

    def make_ready(self, order: TaskOrder) -> bool:
        """Lets whoever could begin the attempt at once read its order; False where nobody could.

        Nothing of the attempt happens until `start`, which follows before the next `poll` or never. It is called
        from another thread than the rest, and never at the same time.
        """
        ...

    def start(self, *orders: TaskOrder) -> None:
        """Hands attempts over; a `Report` with the token of each follows. Never waits for them."""
        ...

    def stop(self, token: str, grace: float) -> None:
        """Ends an attempt's whole process tree: politely, then after `grace` seconds by force.

        An `Ended` or `Lost` for the token follows, unless it was reported already.
        """
        ...

    def poll(self, timeout: float | None) -> Sequence[Report]:
        """What happened since; waits up to `timeout` seconds (None: without limit) for the first report.

        Raises `Severed` where what runs cannot be heard of any more.
        """
        ...

    def close(self) -> None:
        """Ends everything that was started."""
        ...
