"""What an author may have meant by a word that is not known here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from trc.compiler.diagnostics.nearest import did_you_mean, nearest

# What authors used to other runners write, and the word for it here.
_OTHER_WORDS: Final = {
    "tasks": "nodes",
    "steps": "nodes",
    "jobs": "nodes",
    "depends_on": "needs",
    "dependencies": "needs",
    "upstream": "needs",
    "after": "needs",
    "kind": "type",
    "uses": "type",
    "operator": "type",
    "with": "params",
    "arguments": "params",
    "config": "params",
    "retry": "retries",
    "if": "when",
    "condition": "when",
    "optimize": "optimise",
    "python": "python_version",
    "packages": "requirements",
    "memory": "memory_limit",
    "cpu": "cpu_limit",
    "cpus": "cpu_limit",
    "tz": "timezone",
    "attempts": "max_attempts",
    "labels": "tags",
    "url": "webhook",
}

# Keys that authors write a level too high, by where they belong.
_HOMES: Final = {
    "schedule": ("cron", "interval_seconds", "timezone"),
    "environment": (
        "python_version",
        "requirements",
        "requirements_file",
        "system_packages",
        "image",
        "env",
        "memory_limit",
        "cpu_limit",
        "gpu",
        "resources",
        "node_labels",
    ),
    "retries": (
        "max_attempts",
        "backoff",
        "initial_delay_seconds",
        "backoff_factor",
        "max_delay_seconds",
        "retry_on",
        "errors",
    ),
    "incremental": ("strategy", "max_age_seconds", "checksum_fields", "dependency_check"),
    "params": ("sql", "output_uri", "output_format", "command", "entrypoint", "inputs", "outputs", "files", "args"),
    "defaults": ("retries", "environment", "incremental", "timeout", "timeout_seconds", "metadata"),
}
_MOST_LISTED: Final = 20


def suggestion(name: str, known: Mapping[str, object], listed: str) -> tuple[str, ...]:
    """A help line that names the nearest known word, says where the key belongs, or lists what there is."""
    other = _OTHER_WORDS.get(name.lower())
    if other in known:
        return (f'did you mean "{other}"?',)
    home = next((home for home, keys in _HOMES.items() if home in known and name in keys), None)
    if home:
        return (f'it belongs under "{home}"',)
    near = did_you_mean(name, known)
    if near or not known or not listed:
        return near
    return (f"{listed}: {', '.join(known)}",) if len(known) <= _MOST_LISTED else ("remove it",)


def is_meant_by(unknown: Iterable[str], key: str) -> bool:
    """Whether one of the unknown words stands for `key`: then it is not missing but misspelled."""
    words = tuple(unknown)
    return nearest(key, words) is not None or any(_OTHER_WORDS.get(word.lower()) == key for word in words)
