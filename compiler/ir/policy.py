"""How a task is run: retries, skipping, limits, hooks. None of it changes what the task computes."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from trc.compiler.ir.node import ENVIRONMENT, NESTED, Node, NotInKey
from trc.compiler.ir.secrets import SecretRef
from trc.compiler.ir.values import Cpus, Cron, Duration, PythonVersion, Size, TimeZone

_POLICY = NotInKey("decides when and how often the task runs, not what it computes")
_WHEN = NotInKey("decides whether the task runs, not what it computes")


ERROR_CODES: Final = ("timeout", "memory", "signal", "exit", "lost", "expectation", "output_missing", "publish")
"""Words for failures that are no exceptions of a task's own: reasons that the task side and the scheduler give."""


class Retries(Node):
    """How often and how fast a failed attempt is repeated. `max_attempts` counts the first."""

    max_attempts: Annotated[int, _POLICY, Field(ge=1, le=100)] = 1
    errors: Annotated[dict[str, int], _POLICY] = Field(default_factory=dict[str, int])
    """In place of `max_attempts` for failures of a name: an exception's class, an exit code, or one of `ERROR_CODES`."""
    backoff: Annotated[Literal["fixed", "exponential"], _POLICY] = "exponential"
    initial_delay: Annotated[Duration, _POLICY] = Duration(1000)
    backoff_factor: Annotated[float, _POLICY, Field(ge=1, le=100)] = 2.0
    max_delay: Annotated[Duration, _POLICY] = Duration(60_000)
    jitter: Annotated[Literal["none", "full", "equal"], _POLICY] = "full"
    retry_on: Annotated[tuple[int, ...], _POLICY] = ()
    """Exit codes whose failures are temporary; all others of a process that exits are then permanent."""


class By(Node):
    """What a task's work is divided by: one part for each value of a column that its source's folders are named after."""

    partition: Annotated[str, NotInKey("decides which rows are computed again, not what they are")]


class Incremental(Node):
    """Which inputs and parameters count when a task's key is compared; code and outputs always do."""

    enabled: Annotated[bool, _WHEN] = True
    strategy: Annotated[Literal["etag", "checksum", "hybrid"], _WHEN] = "hybrid"
    max_age: Annotated[Duration | None, _WHEN] = None
    checksum_fields: Annotated[tuple[str, ...], _WHEN] = ()
    dependency_check: Annotated[bool, _WHEN] = True
    by: Annotated[By | None, NESTED] = None


class Environment(Node):
    """The world that a task's process runs in."""

    python_version: Annotated[PythonVersion | None, ENVIRONMENT] = None
    requirements: Annotated[tuple[str, ...], ENVIRONMENT] = ()
    requirements_file: Annotated[str | None, ENVIRONMENT] = None
    system_packages: Annotated[tuple[str, ...], ENVIRONMENT] = ()
    image: Annotated[str | None, ENVIRONMENT] = None
    env: Annotated[dict[str, str | SecretRef], ENVIRONMENT] = Field(default_factory=dict[str, str | SecretRef])


class Resources(Node):
    """What a task may use. Limits end a task; they do not change its result."""

    memory: Annotated[Size | None, NotInKey("a limit")] = None
    cpu: Annotated[Cpus | None, NotInKey("a limit")] = None
    gpu: Annotated[int | None, NotInKey("a limit"), Field(ge=1, le=64)] = None
    custom: Annotated[dict[str, int], NotInKey("decides where the task runs, not what it computes")] = Field(
        default_factory=dict[str, int]
    )
    """How many of what nodes of a cluster say that they have, by the name that they give it."""
    node_labels: Annotated[dict[str, str], NotInKey("decides where the task runs, not what it computes")] = Field(
        default_factory=dict[str, str]
    )
    """Labels that a node has to have with these values for the task to run there."""


class Need(Node):
    """An order between tasks, where no data flows."""

    task: Annotated[str, NotInKey("order is not data")]
    requires: Annotated[Literal["success", "completion"], NotInKey("order is not data")] = "success"


RULE_WORDS: Final = ("pipeline", "task", "tags")
"""Fields of rules that every task has, where no parameter and no metadata is called so."""


class ConcurrencyMatch(Node):
    """Which tasks a concurrency rule counts: those of a type, with equal values of the fields."""

    type: Annotated[str | None, _POLICY] = None
    fields: Annotated[tuple[str, ...], _POLICY] = ()


class ConcurrencyRule(Node):
    """At most `max` matching tasks run at a time, across runs."""

    max: Annotated[int, _POLICY, Field(ge=1)]
    match: Annotated[ConcurrencyMatch, NESTED] = ConcurrencyMatch()


class DedupeRule(Node):
    """A task equal in `fields` to one that is in `state`, or in one before it, is not run; that one's outcome is its own.

    Without fields, those are equal that have one name and one key.
    """

    state: Annotated[Literal["waiting", "pending", "claimed", "running", "success"], _WHEN]
    fields: Annotated[tuple[str, ...], _WHEN] = ()


class Breaker(Node):
    """Attempts of tasks that need a service do not begin while it is found to be down, across runs.

    So many temporary `failures` in a row within `window` open the breaker for `rest`; then one attempt probes.
    """

    service: Annotated[str, _POLICY]
    failures: Annotated[int, _POLICY, Field(ge=1, le=1000)] = 5
    window: Annotated[Duration, _POLICY] = Duration(60_000)
    rest: Annotated[Duration, _POLICY] = Duration(15_000)


class Hook(Node):
    """What is told to the outside when a task or a run changes state."""

    event: Annotated[Literal["start", "success", "failure", "cancel", "retry"], _POLICY]
    webhook: Annotated[str, _POLICY]


class Schedule(Node):
    """When an operator's scheduler starts the pipeline: a cron expression or an interval."""

    cron: Annotated[Cron | None, _WHEN] = None
    interval: Annotated[Duration | None, _WHEN] = None
    timezone: Annotated[TimeZone, _WHEN] = TimeZone("UTC")
