"""What runs are to tell of themselves to machines, as `trc.toml` and the command line say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_LEVELS: Final = ("debug", "info", "warning", "error")
_FORMATS: Final = ("json", "human")
_PORTS: Final = 65_535


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What is told where; None where nobody has said anything, and then nothing is told.

    A log without a file goes to standard error. `traces` go to `traces_endpoint`, or where OpenTelemetry's own variables say.
    """

    log_file: Path | None = None
    log_format: Literal["json", "human"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    metrics_file: Path | None = None
    metrics_listen: str | None = None
    metrics_by_task: bool | None = None
    traces: bool | None = None
    traces_endpoint: str | None = None

    @property
    def has_log(self) -> bool:
        return self.log_file is not None or self.log_format is not None

    @property
    def has_metrics(self) -> bool:
        return self.metrics_file is not None or self.metrics_listen is not None

    @property
    def has_any(self) -> bool:
        return self.has_log or self.has_metrics or bool(self.traces)

    def over(self, below: Telemetry) -> Telemetry:
        """This, and where it says nothing, what is below it."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return Telemetry(**{name: getattr(below, name) if value is None else value for name, value in said.items()})


NO_TELEMETRY: Final = Telemetry()


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table of `trc.toml`: the field that it sets, what fits it, and how to say so."""

    field: str
    fits: Callable[[Any], bool]
    takes: str
    example: str


def address_of(text: str) -> tuple[str, int] | None:
    """Host and port of this machine alone, such as `127.0.0.1:9464` or `[::1]:9464`; None for anything else."""
    host, colon, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_port = colon and port.isascii() and port.isdigit() and int(port) <= _PORTS
    return (host, int(port)) if is_port and host in _LOOPBACK else None


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_one_of(*words: str) -> Callable[[Any], bool]:
    return lambda value: value in words


def _is_listening(value: Any) -> bool:
    return isinstance(value, str) and address_of(value) is not None


def _is_web(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://")) and value.isprintable()


TABLES: Final[Mapping[str, Mapping[str, Key]]] = {
    "logging": {
        "file": Key("log_file", _is_path, "takes the path of a file", 'file = "trc.log"'),
        "format": Key("log_format", _is_one_of(*_FORMATS), 'is "json" or "human"', 'format = "json"'),
        "level": Key("log_level", _is_one_of(*_LEVELS), f"is one of {', '.join(_LEVELS)}", 'level = "info"'),
    },
    "metrics": {
        "file": Key("metrics_file", _is_path, "takes the path of a file", 'file = "metrics/trc.prom"'),
        "listen": Key(
            "metrics_listen", _is_listening, "takes an address of this machine and a port", 'listen = "127.0.0.1:9464"'
        ),
        "by_task": Key("metrics_by_task", _is_bool, "is true or false", "by_task = true"),
    },
    "traces": {
        "enabled": Key("traces", _is_bool, "is true or false", "enabled = true"),
        "endpoint": Key("traces_endpoint", _is_web, "takes a URL", 'endpoint = "http://localhost:4318/v1/traces"'),
    },
}
"""The tables of `trc.toml` about it."""


def telemetry_of(project: Path, said: Mapping[str, Any]) -> Telemetry:
    """What the tables of a project's file say, field by field; files are relative to the project."""
    files = {name: project / value for name, value in said.items() if name.endswith("_file")}
    return Telemetry(**{**said, **files})
