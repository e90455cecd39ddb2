"""Spans of the OpenTelemetry SDK, sent by OTLP over HTTP from a thread that the run never waits for.

Loaded by name, and only where traces are told: the SDK is an extra, and takes a tenth of a second to load.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.telemetry.traces import Attributes
from trc.runtime.telemetry.untold import cannot_be_delivered

_FLUSH: Final = 5.0
"""Seconds that the end of a run may take because of what is still to be sent."""
_FLUSH_TO_NOBODY: Final = 1.0
"""As long, where sending has failed already."""
_LOOK: Final = 0.02
_QUEUED: Final = (2_048, 65_536)
"""How many spans may wait to be sent: at least, and at most."""
_PER_TASK: Final = 3
_LONGEST_WHY: Final = 200


class OtlpSpans:
    """Makes spans, and sends them. `variables` are the process's, of which OTEL_* and TRACEPARENT count.

    `tasks` is how many the run has; `endpoint` wins over what the variables say.
    """

    def __init__(self, version: str, variables: Mapping[str, str], tasks: int, endpoint: str | None) -> None:
        self._heard = _Heard()
        self._exporter = OTLPSpanExporter(endpoint=endpoint)
        self._where = _without_user(endpoint or _endpoint(variables))
        least, most = _QUEUED
        queued = None if "OTEL_BSP_MAX_QUEUE_SIZE" in variables else max(least, min(most, tasks * _PER_TASK))
        self._processor = BatchSpanProcessor(self._exporter, max_queue_size=queued)
        named = "OTEL_SERVICE_NAME" in variables or "service.name=" in variables.get("OTEL_RESOURCE_ATTRIBUTES", "")
        own = {"service.version": version} | ({} if named else {"service.name": "trc"})
        provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("trc", version)
        carrier = {name: variables[name.upper()] for name in ("traceparent", "tracestate") if name.upper() in variables}
        self._caller = TraceContextTextMapPropagator().extract(carrier)

    def begin(
        self, name: str, at: float, attributes: Attributes, parent: Span | None = None, links: Sequence[Span] = ()
    ) -> Span:
        """A span that begins at a time, below another, or below that of who started this process."""
        context = self._caller if parent is None else set_span_in_context(parent)
        linked = [Link(one.get_span_context()) for one in links]
        return self._tracer.start_span(name, context, attributes=attributes, links=linked, start_time=_ns(at))

    def end(
        self, span: Span, at: float, attributes: Attributes, failure: Mapping[str, Any] | None, *, is_good: bool
    ) -> None:
        """Ends a span; `failure` is why, where something went wrong."""
        span.set_attributes(attributes)
        if failure is not None:
            message, kind = str(failure.get("message") or ""), failure.get("type") or failure.get("reason") or "error"
            span.set_attribute("error.type", kind)
            told = {"exception.type": kind, "exception.message": message}
            span.add_event("exception", told, timestamp=_ns(at))
            span.set_status(Status(StatusCode.ERROR, message.partition("\n")[0]))
        elif is_good:
            span.set_status(Status(StatusCode.OK))
        span.end(_ns(at))

    def variables(self, span: Span) -> Mapping[str, str]:
        """What names the span to another process: TRACEPARENT, and TRACESTATE if there is one."""
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, set_span_in_context(span))
        return {name.upper(): value for name, value in carrier.items()}

    def close(self) -> Sequence[Diagnostic]:
        """Has all spans delivered, within a few seconds; answers what could not be."""
        # The SDK's own flush knows no limit.
        ending = threading.Thread(target=self._processor.shutdown, name="trc-traces", daemon=True)
        began = time.monotonic()
        ending.start()
        while ending.is_alive():
            ending.join(_LOOK)
            if time.monotonic() - began > (_FLUSH_TO_NOBODY if self._heard.told else _FLUSH):
                self._heard.told.append(f"no answer within {time.monotonic() - began:.0f} s")
                break
        else:
            # A thread that is left behind may still complain, to nobody.
            self._heard.stop()
        return [cannot_be_delivered(self._where, _why(self._heard.told))] if self._heard.told else []


class _Heard(logging.Handler):
    """What the SDK complains of: it would print it on the run's screen."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[str] = []
        self._logger = logging.getLogger("opentelemetry")
        self._propagated = self._logger.propagate
        self._logger.propagate = False
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())

    def stop(self) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated


def _why(told: Sequence[str]) -> str:
    """The first complaint, which is of the cause, without what wraps it."""
    first = told[0].splitlines()[0]
    inner = re.search(r"\[Errno \d+\] ([^'\")]+)", first)
    return (inner[1] if inner else first)[:_LONGEST_WHY].lower()


def _endpoint(variables: Mapping[str, str]) -> str:
    """Where the SDK sends traces, by its own rules."""
    base = variables.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318"
    return variables.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or f"{base.removesuffix('/')}/v1/traces"


def _without_user(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def _ns(at: float) -> int:
    return int(at * 1e9)
