"""One task of a pipeline, its parameters checked by its type and its reads and writes derived."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from trc.compiler.ir.dataset import Column, Output, Read
from trc.compiler.ir.node import CODE, ENVIRONMENT, NESTED, PARAMETERS, Node, NotInKey
from trc.compiler.ir.policy import (
    Breaker,
    ConcurrencyRule,
    DedupeRule,
    Environment,
    Hook,
    Incremental,
    Need,
    Resources,
    Retries,
)
from trc.compiler.ir.secrets import SecretRef
from trc.compiler.ir.values import Duration

_DERIVED = NotInKey("follows from the type and its parameters")
_CHECK = NotInKey("checks a result and does not change it: it has a key of its own")


class Query(Node):
    """A task's SQL: one query that yields the rows of its output."""

    text: Annotated[str, CODE]
    """The author's text, or its translation to DuckDB's SQL. Its tokens count in the key: comments and layout do not."""
    param: Annotated[str | None, NotInKey("says where the text stands")] = None
    """The parameter that holds the author's text, or None where the type wrote the query itself."""
    dialect: Annotated[str | None, NotInKey("a parameter of the task, and in the key as such")] = None
    """What the author's text is written in, where that is not DuckDB's SQL."""
    written: Annotated[str | None, CODE] = None
    """The author's tokens in that dialect, one space apart; None where `text` is no translation."""

    @property
    def is_untranslated(self) -> bool:
        """Whether a mistake, or a value that is not given, has kept the author's text from being translated."""
        return self.dialect is not None and self.written is None


class CodeFile(Node):
    """A project file whose code the task runs."""

    path: Annotated[str, CODE]
    digest: Annotated[str, CODE]
    """Hash of the file's tokens, comments and layout left out."""


class Expectation(Node):
    """A check on a task's rows, before they are published.

    `arguments` are, by check: `{columns}` (`not_null`, `unique`), `{column, values}` (`accepted_values`),
    `{column, to, field}` (`relationships`), `{min, max}` (`row_count`), `{column, max_age}` in seconds
    (`freshness`), `{condition}` (`check`).
    """

    check: Annotated[
        Literal["not_null", "unique", "accepted_values", "relationships", "row_count", "freshness", "check"], _CHECK
    ]
    arguments: Annotated[dict[str, JsonValue], _CHECK] = Field(default_factory=dict[str, JsonValue])
    severity: Annotated[Literal["error", "warn"], _CHECK] = "error"
    store_failures: Annotated[bool, _CHECK] = False
    """Whether rows that break the check are kept, so that somebody can look at them."""


class ForEach(Node):
    """The items that a task is repeated for: a list, or the rows of a dataset."""

    items: Annotated[tuple[JsonValue, ...] | None, PARAMETERS] = None
    rows: Annotated[str | None, PARAMETERS] = None


class Task(Node):
    """A node of the pipeline."""

    name: Annotated[str, NotInKey("names the task's history, which keys are compared within")]
    type: Annotated[str, CODE]
    type_version: Annotated[int, CODE] = 1
    params: Annotated[dict[str, JsonValue], PARAMETERS] = Field(default_factory=dict[str, JsonValue])
    """As the type's own model prints them: defaults filled in, units normalised."""

    secrets: Annotated[tuple[tuple[str | int, ...], ...], _DERIVED] = ()
    """Where secrets stand among the parameters, each as the `{"secret": "provider:reference"}` of a `SecretRef`."""

    reads: Annotated[tuple[Read, ...], NESTED] = ()
    outputs: Annotated[tuple[Output, ...], NESTED] = ()
    fills: Annotated[tuple[str, ...], _DERIVED] = ()
    """Folders and prefixes below which it writes what nobody can name before it runs: who reads there waits for it."""
    query: Annotated[Query | None, NESTED] = None
    code: Annotated[tuple[CodeFile, ...], NESTED] = ()
    engines: Annotated[tuple[str, ...], ENVIRONMENT] = ()
    """Distributions whose versions count where the task pins nothing."""
    visibility: Annotated[Literal["complete", "opaque"], _DERIVED] = "opaque"
    """Whether `reads` is all that the task can see."""
    effect: Annotated[Literal["none", "external"], _DERIVED] = "none"
    idempotent: Annotated[bool, NotInKey("decides whether an attempt is repeated, not what it computes")] = True
    volatile: Annotated[str | None, _DERIVED] = None
    """Why the task has no computable key, such as a call of `now()`; None if it has one."""
    executor: Annotated[Literal["process", "async"], _DERIVED] = "process"
    """What suits it: a process that runs it alone, or one with an event loop that runs many at a time."""

    needs: Annotated[tuple[Need, ...], NESTED] = ()
    environment: Annotated[Environment, NESTED] = Environment()
    resources: Annotated[Resources, NESTED] = Resources()
    timeout: Annotated[Duration, NotInKey("a limit")] = Duration(86_400_000)
    heartbeat_timeout: Annotated[Duration | None, NotInKey("a limit")] = None
    deadline: Annotated[Duration | None, NotInKey("a limit")] = None
    """By when it has to be done, from the beginning of the run."""
    retries: Annotated[Retries, NESTED] = Retries()
    incremental: Annotated[Incremental | None, NESTED] = None
    """None where the author wrote nothing: opaque tasks are then never skipped."""
    concurrency: Annotated[tuple[ConcurrencyRule, ...], NESTED] = ()
    dedupe: Annotated[tuple[DedupeRule, ...], NESTED] = ()
    breaker: Annotated[Breaker | None, NESTED] = None
    tags: Annotated[tuple[str, ...], NotInKey("labels for people")] = ()
    metadata: Annotated[dict[str, JsonValue], NotInKey("labels for people and rules")] = Field(
        default_factory=dict[str, JsonValue]
    )
    columns: Annotated[tuple[Column, ...] | None, NotInKey("a promise that is checked, not computed")] = None
    expect: Annotated[tuple[Expectation, ...], NESTED] = ()
    when: Annotated[str | None, NotInKey("decides whether the task runs")] = None
    for_each: Annotated[ForEach | None, NESTED] = None
    hooks: Annotated[tuple[Hook, ...], NESTED] = ()
    optimise: Annotated[bool, NotInKey("passes never change a result")] = True

    @property
    def is_given_secrets(self) -> bool:
        return bool(self.secrets) or any(isinstance(value, SecretRef) for value in self.environment.env.values())


OUTPUT_NAME = "output"
"""What a task's single output is called; the task's bare name means it."""
