"""A checked pipeline reduced to what planning and running need: plain values, standard library alone.

The compiler's IR is translated into this once (`trc.runtime.specify`); a cached one is read without
loading the compiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from trc.runtime.taskside.records import record

KeyGroup = Literal["code", "parameters", "environment", "outputs", "inputs", "checks"]
"""`checks` are the parts of the key that expectations have of their own."""


@record(frozen=True, slots=True)
class KeyPart:
    """One thing that a task's key holds: where it stands, which group it is of, and its value as text."""

    field: str
    group: KeyGroup
    value: str


@record(frozen=True, slots=True)
class ReadSpec:
    """One input. `producer` is the `(task, output)` that writes it, if one does; else `uri` names files.

    `name` is what the task calls it; `spans` are places in the query's text that stand for its files.
    `uri` is absolute, and may be a glob.
    """

    name: str
    format: str
    producer: tuple[str, str] | None = None
    uri: str | None = None
    feeders: tuple[str, ...] = ()
    """Tasks whose outputs the glob `uri` covers: which files there are is known when they are done."""
    spans: tuple[tuple[int, int], ...] = ()
    columns: tuple[tuple[str, str], ...] | None = None
    """Names and types, where the format keeps none and they were declared or follow from the producer's query."""
    written: bool = False
    """Whether trc itself writes the files, from a query."""


@record(frozen=True, slots=True)
class OutputSpec:
    """One output; `uri` is an absolute path, or None where the engine chooses."""

    name: str
    format: str
    uri: str | None = None
    columns: tuple[tuple[str, str], ...] | None = None
    """As those of a read: what expectations find in a format that keeps no types."""
    written: bool = False


@record(frozen=True, slots=True)
class CheckSpec:
    """An expectation: `name` tells it from the task's others, `arguments` are plain values."""

    name: str
    check: str
    arguments: Mapping[str, Any]
    severity: Literal["error", "warn"] = "error"
    store_failures: bool = False


@record(frozen=True, slots=True)
class NeedSpec:
    """An edge that a task waits on. Data edges require success."""

    task: str
    requires: Literal["success", "completion"] = "success"
    data: bool = False


@record(frozen=True, slots=True)
class RetrySpec:
    """Delays are in seconds."""

    max_attempts: int = 1
    backoff: Literal["fixed", "exponential"] = "exponential"
    initial_delay: float = 1.0
    factor: float = 2.0
    max_delay: float = 60.0
    jitter: Literal["none", "full", "equal"] = "full"
    errors: tuple[tuple[str, int], ...] = ()
    """Failures, by a name of theirs, that have this number of attempts instead."""


@record(frozen=True, slots=True)
class RuleSpec:
    """At most `max` attempts run at a time of those that take a place of `group`, across runs; `shown` tells people which."""

    max: int
    group: str
    shown: str


@record(frozen=True, slots=True)
class TwinSpec:
    """Tasks of one `group` are equal: one does not begin while another waits to begin, runs (`running`), or once one has succeeded.

    Each state counts those before it as well. Without a group, those are equal that have one name and one key.
    """

    state: Literal["pending", "running", "success"]
    group: str = ""


@record(frozen=True, slots=True)
class BreakerSpec:
    """A service, which is down for `rest` seconds after so many temporary `failures` in a row within `window` seconds.

    `group` names it in the store.
    """

    service: str
    group: str
    failures: int = 5
    window: float = 60.0
    rest: float = 15.0


@record(frozen=True, slots=True)
class SecretSpec:
    """A secret by reference, `provider:reference`, and the places that its value is for.

    A place is a path from the order: `("env", name)`, or `("params", …)`. `versioned` says that its
    provider numbers its values, so that a key can tell a new one.
    """

    ref: str
    places: tuple[tuple[str | int, ...], ...]
    versioned: bool = False


@record(frozen=True, slots=True)
class SkipSpec:
    """When a task may be skipped, and what is compared; `vouched` says that the author wrote so."""

    can_skip: bool
    why_not: str = ""
    strategy: Literal["etag", "checksum", "hybrid"] = "hybrid"
    max_age: float | None = None
    checksum_fields: tuple[str, ...] = ()
    """The parts of the key that stand for all parameters, by their fields."""
    dependency_check: bool = True
    vouched: bool = False


@record(frozen=True, slots=True)
class PartitionSpec:
    """What a task's work is divided by: the `column` of what it calls `read`, which has these `columns` (names and types).

    `others` are all else that it reads, with its columns. Without `read`, `why_not` says why there is none.
    """

    column: str
    read: str = ""
    columns: tuple[tuple[str, str], ...] = ()
    others: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    why_not: str = ""


@record(frozen=True, slots=True)
class EachSpec:
    """What a task is repeated for: the `items` that are known, or the rows of one of its reads; one of them is None."""

    items: tuple[Any, ...] | None = None
    rows: ReadSpec | None = None
    is_read: bool = False
    """Whether each repetition reads those rows, too."""
    engine: str = ""
    """The version of the DuckDB that reads them."""
    checks: tuple[CheckSpec, ...] = ()
    """What is expected of the rows of all items together; the task's own `checks` are about those of each."""
    check_parts: tuple[KeyPart, ...] = ()
    checks_due: str = ""


@record(frozen=True, slots=True)
class ItemSpec:
    """One item of a repeated task: `value` as JSON has it, and of a row the DuckDB types of its fields."""

    group: str
    """The task that is repeated."""
    value: Any
    types: tuple[tuple[str, str], ...] = ()
    is_row: bool = False


@record(frozen=True, slots=True)
class ResultSpec:
    """A value that a task is handed of another `task`: how many `rows` that wrote, or what it returned, by the path in it.

    Of a query's `parameter` the path after `values` is one name, in which `_` stands for all that no parameter can have.
    """

    task: str
    path: tuple[str, ...]
    """`("rows", output)`, or `("values", key, …)`."""
    parameter: str = ""
    of_condition: bool = False
    """Whether only the task's condition asks for it: then its key does not hold it."""


@record(frozen=True, slots=True)
class CloneSpec:
    """A reference of a Git repository that a task reads, and with which credentials it is asked for."""

    url: str
    ref: str
    username: str = ""
    password: SecretSpec | None = None


@record(frozen=True, slots=True)
class HookSpec:
    """A URL that is told of an event of a task, or of the run."""

    event: Literal["start", "success", "failure", "cancel", "retry"]
    url: str


@record(frozen=True, slots=True)
class TaskSpec:
    """A task, ready to be planned. Times are in seconds, memory in bytes."""

    name: str
    type: str
    runs: str
    key_parts: tuple[KeyPart, ...]
    skip: SkipSpec
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    query: str | None = None
    code: tuple[tuple[str, str], ...] = ()
    """The project's files whose code the task runs, by their relative paths, each with the digest of its tokens."""
    reads: tuple[ReadSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    fills: tuple[str, ...] = ()
    """Folders and prefixes below which it writes what nobody can name before it runs."""
    needs: tuple[NeedSpec, ...] = ()
    retry: RetrySpec = RetrySpec()
    retry_on: tuple[int, ...] = ()
    timeout: float = 86_400.0
    heartbeat_timeout: float | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    memory: int | None = None
    cpus: float | None = None
    idempotent: bool = True
    checks: tuple[CheckSpec, ...] = ()
    """What is expected of the rows of its only output."""
    check_parts: tuple[KeyPart, ...] = ()
    """What the pipeline itself puts into the key of the checks."""
    check_reads: tuple[ReadSpec, ...] = ()
    """The datasets that checks look values up in."""
    checks_due: str = ""
    """Why the checks are due in each run, if time alone can change their verdict."""
    secrets: tuple[SecretSpec, ...] = ()
    optimise: bool = True
    """Whether passes may choose how its output is kept, and how it reads."""
    partition: PartitionSpec | None = None
    """What it is to run by, where the author says so."""
    tags: tuple[str, ...] = ()
    is_async: bool = False
    """Whether it can run beside others of its kind, in one process with an event loop."""
    omitted: str = ""
    """The condition under which it would run, where that is false."""
    each: EachSpec | None = None
    """What it is repeated for: this is then what its items have in common."""
    item: ItemSpec | None = None
    """What this repetition is for."""
    whole_of: str = ""
    """The repeated task whose rows, those of all items, this only holds to its expectations."""
    depth: int = 0
    """Of a sub-task, how many tasks submitted one another down to it."""
    results: tuple[ResultSpec, ...] = ()
    """What it is handed of the results of other tasks."""
    handed: Mapping[str, Any] | None = None
    """The values of those, once they are known: by the query's parameter, or as an author writes them."""
    when: str = ""
    """What is left of its condition for the run to decide."""
    hooks: tuple[HookSpec, ...] = ()
    environment: str = ""
    """The digest of what its environment holds, as the lock file has it; empty where it runs in trc's own."""
    rules: tuple[RuleSpec, ...] = ()
    """Concurrency rules that it is under, sorted by group."""
    twins: tuple[TwinSpec, ...] = ()
    """What tasks of other runs, and of its own, stand for it."""
    breaker: BreakerSpec | None = None
    """The service that it needs."""
    deadline: float | None = None
    """Seconds from the beginning of the run within which it has to be done."""
    image: str = ""
    """The image that its author says it runs in."""
    system_packages: tuple[str, ...] = ()
    gpus: int | None = None
    resources: tuple[tuple[str, int], ...] = ()
    """How many it needs of what nodes of a cluster offer, by its name there."""
    node_labels: tuple[tuple[str, str], ...] = ()
    """Labels, and the values that they have on nodes where it may run."""

    @property
    def asks_first(self) -> bool:
        """Whether an attempt has to ask the store before it begins."""
        return bool(self.rules) or self.breaker is not None

    @property
    def called(self) -> str:
        """What its author calls it: for one of its items, for all of them, and for a sub-task, the task itself."""
        is_own = self.item is None and not self.depth and not self.whole_of
        return self.name if is_own else self.name.partition("[")[0]


@record(frozen=True, slots=True)
class PipelineSpec:
    """A pipeline, ready to be planned; tasks are in an order in which they can run."""

    name: str
    file: str
    project: str
    tasks: tuple[TaskSpec, ...]
    digest: str
    """Hash of all that the pipeline says: runs of equal digests can resume each other."""
    hooks: tuple[HookSpec, ...] = ()
    """Those of its runs; tasks have their own."""
    deadline: float | None = None
    """Seconds that a run may take in all."""
    retry_budget: int | None = None
    """How many retries the tasks of a run may make together."""

    def task(self, name: str) -> TaskSpec | None:
        """The task of that name, ignoring case."""
        return next((task for task in self.tasks if task.name.casefold() == name.casefold()), None)


def sources_read(spec: PipelineSpec) -> list[str]:
    """What its tasks read by a whole name, and no task writes."""
    reads = (read for task in spec.tasks for read in (*task.reads, *task.check_reads))
    uris = {read.uri for read in reads if read.uri is not None and read.producer is None and not read.feeders}
    return sorted(uri for uri in uris if not set(uri) & set("*?["))


def remote_schemes(spec: PipelineSpec) -> frozenset[str]:
    """The schemes of what its tasks read and write elsewhere than on this machine, such as `s3`."""
    reads = (read.uri for task in spec.tasks for read in (*task.reads, *task.check_reads))
    outputs = (output.uri for task in spec.tasks for output in task.outputs)
    filled = (place for task in spec.tasks for place in task.fills)
    return frozenset(uri.partition("://")[0] for uri in (*reads, *outputs, *filled) if uri is not None and "://" in uri)


def locations(spec: PipelineSpec) -> list[str]:
    """Where its tasks publish: outputs with a location of their own, and the places that they fill. One run at a time has each."""
    outputs = {one.uri for task in spec.tasks for one in task.outputs if one.uri is not None}
    return sorted(outputs.union(*(task.fills for task in spec.tasks)))


def downloads(spec: PipelineSpec) -> dict[str, dict[str, str]]:
    """The web addresses that tasks read, with the headers that each is to be asked with."""
    found: dict[str, dict[str, str]] = {}
    for task in spec.tasks:
        for read in (*task.reads, *task.check_reads):
            if read.uri is not None and read.uri.startswith(("http://", "https://")):
                found.setdefault(read.uri, dict(task.params.get("headers") or {}))
    return found


def copied_from_web(spec: PipelineSpec) -> frozenset[str]:
    """The web addresses of which tasks are given copies: all that they read, but for one that a task is to fetch itself."""
    return frozenset(
        read.uri
        for task in spec.tasks
        for read in (*task.reads, *task.check_reads)
        if read.uri is not None and read.uri.startswith(("http://", "https://")) and read.uri != task.params.get("url")
    )


def clones(spec: PipelineSpec) -> dict[str, CloneSpec]:
    """The references of Git repositories that tasks read, by their locations."""
    found: dict[str, CloneSpec] = {}
    for task in spec.tasks:
        for read in task.reads:
            if read.uri is not None and read.uri.startswith("git+"):
                url, _, ref = read.uri.removeprefix("git+").partition("#")
                username = str((task.params.get("credentials") or {}).get("username") or "")
                password = next((one for one in task.secrets if _IS_PASSWORD in map(tuple, one.places)), None)
                found.setdefault(read.uri, CloneSpec(url, ref, username, password))
    return found


_IS_PASSWORD = ("params", "credentials", "password")
