"""How the `.trc` language spells what the YAML format has other words for: one table, for reading and for printing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

Words = Mapping[str, str]
"""Keys of the `.trc` language with those of the YAML format."""


def _words(**words: str) -> Words:
    return MappingProxyType(words)


RETRY: Final = _words(
    attempts="max_attempts",
    backoff="backoff",
    initial="initial_delay",
    factor="backoff_factor",
    max="max_delay",
    jitter="jitter",
    errors="errors",
    retry_on="retry_on",
)
ENVIRONMENT: Final = _words(
    python="python_version",
    requirements="requirements",
    requirements_file="requirements_file",
    system_packages="system_packages",
    image="image",
    env="env",
)
RESOURCES: Final = _words(
    memory="memory_limit", cpu="cpu_limit", gpu="gpu", resources="resources", node_labels="node_labels"
)
"""They stand in a task's own braces, and under "environment" in YAML."""
INCREMENTAL: Final = _words(
    enabled="enabled",
    strategy="strategy",
    max_age="max_age",
    checksum_fields="checksum_fields",
    dependency_check="dependency_check",
    by="by",
)
BREAKER: Final = _words(service="service", failures="failures", window="window", rest="rest")
HOOKS: Final = ("on_start", "on_success", "on_failure", "on_cancel", "on_retry")
POLICIES: Final = _words(
    timeout="timeout",
    heartbeat_timeout="heartbeat_timeout",
    retry="retries",
    idempotent="idempotent",
    incremental="incremental",
    environment="environment",
    concurrency="concurrency",
    dedupe="dedupe",
    breaker="breaker",
    tags="tags",
    metadata="metadata",
    optimise="optimise",
)
"""What tasks and the pipeline's defaults can both say, besides resources and hooks."""
TASK: Final = _words(
    needs="needs",
    reads="reads",
    columns="columns",
    expect="expect",
    when="when",
    for_each="for_each",
    deadline="deadline",
    **POLICIES,
    **{hook: hook for hook in HOOKS},
)
PIPELINE_OWN: Final = _words(
    description="description", schedule="schedule", deadline="deadline", retry_budget="retry_budget"
)
"""What the pipeline says of itself and of its runs."""
PIPELINE: Final = _words(**PIPELINE_OWN, **POLICIES, **{hook: hook for hook in HOOKS})
DEFAULTS: Final = _words(**POLICIES, **{hook: hook for hook in HOOKS})
INNER: Final[Mapping[str, Words]] = MappingProxyType(
    {"retry": RETRY, "environment": ENVIRONMENT, "incremental": INCREMENTAL, "breaker": BREAKER}
)
"""Sections whose keys have other words in them."""

HEADS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"sql": ("duckdb_sql", "sql"), "python": ("python", "entrypoint"), "shell": ("shell", "command")}
)
"""Short words for task types, each with the type and the parameter that stands behind the word."""
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"output_uri": ("output",), "output_format": (), "inputs": ("input", "inputs"), "outputs": ("outputs",)}
)
"""Parameters of many types that have words of their own."""
FORMATS: Final = ("parquet", "csv", "json", "file")
CHECK_OPTIONS: Final = ("severity", "store_failures")
"""What a check is told beside its arguments."""
RUN_TIME: Final = ("run", "target", "item", "tasks")
"""A dotted word that begins with one of these is a template's expression, not the name of a dataset."""


def spelling(words: Words) -> dict[str, str]:
    """The keys of the YAML format that the language spells otherwise."""
    return {key: word for word, key in words.items() if key != word}
