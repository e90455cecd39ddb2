"""Has logs, metrics and traces listen to a run. Loaded only where something is to be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import trc
from trc.api.extras import require_extra
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.bus import Bus
from trc.runtime.running import Runner, RunSecrets
from trc.runtime.spec import PipelineSpec
from trc.runtime.telemetry.commits import timed
from trc.runtime.telemetry.lines import Lines
from trc.runtime.telemetry.listener import Listener
from trc.runtime.telemetry.logs import RunLog
from trc.runtime.telemetry.masking import Mask, RunMask, unmasked
from trc.runtime.telemetry.metrics import FAMILIES, Reader, RunMetrics
from trc.runtime.telemetry.spared import spared
from trc.runtime.telemetry.textfile import TextFile
from trc.runtime.telemetry.traces import RunTraces
from trc.settings import variables_of_telemetry
from trc.telemetry import Telemetry, address_of

_EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http"
_NAMES: Final[Mapping[type[Listener], str]] = {RunLog: "logs", RunMetrics: "metrics", RunTraces: "traces"}


@contextmanager
def listening(told: Telemetry, runner: Runner, bus: Bus) -> Iterator[None]:
    """While this lasts, what is to be told of the runner's run is; what could not be is among the bus's problems at its end."""
    listeners = list(_listeners(told, runner, _mask(runner.secrets)))
    for listener in listeners:
        bus.subscribe(_NAMES[type(listener)], listener.hear)
    try:
        yield
    finally:
        for listener in listeners:
            listener.close()
            bus.problems += listener.problems


def log_diagnostics(
    told: Telemetry, spec: PipelineSpec, run: str, found: Sequence[Diagnostic], secrets: RunSecrets | None
) -> None:
    """Writes what people are told at the end of a run to its log as well."""
    log = _log(told, spec, _mask(secrets))
    log.diagnostics(run, found)
    log.close()


def _mask(secrets: RunSecrets | None) -> Mask:
    return unmasked if secrets is None else RunMask(secrets.known)


def _listeners(told: Telemetry, runner: Runner, mask: Mask) -> Iterator[Listener]:
    if told.has_log:
        yield _log(told, runner.spec, mask)
    if told.has_metrics:
        yield _metrics(told, runner)
    if told.traces:
        require_extra("otel", _EXPORTER, "telling traces")
        otlp: Any = import_module("trc.runtime.telemetry.otlp")
        variables, tasks = variables_of_telemetry(), len(runner.spec.tasks)
        traces = RunTraces(runner.spec, otlp.OtlpSpans(trc.__version__, variables, tasks, told.traces_endpoint), mask)
        runner.trace = traces.variables
        yield traces


def _log(told: Telemetry, spec: PipelineSpec, mask: Mask) -> RunLog:
    return RunLog(spec, Lines(told.log_file), told.log_format or "json", told.log_level or "info", mask)


def _metrics(told: Telemetry, runner: Runner) -> RunMetrics:
    spec = runner.spec
    readers: list[Reader] = []
    if told.metrics_file is not None:
        whole = spec if runner.part is None else runner.part.whole
        names = frozenset(task.name for task in whole.tasks)
        readers.append(TextFile(told.metrics_file, FAMILIES, spec.name, names))
    address = None if told.metrics_listen is None else address_of(told.metrics_listen)
    if address is not None:
        serving: Any = import_module("trc.runtime.telemetry.serving")
        readers.append(serving.Served(address, FAMILIES))
    store = runner.store
    metrics = RunMetrics(
        spec, readers, lambda run: spared(store, spec.name, run.id), by_task=bool(told.metrics_by_task)
    )
    runner.store = timed(store, metrics.committed)
    return metrics
