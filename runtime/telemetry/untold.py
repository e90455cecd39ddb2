"""Warns of what could not be told of a run: never an error, for the run itself went as it went."""

from __future__ import annotations

from typing import Final

from trc.compiler.diagnostics.diagnostic import Diagnostic

_UNTOUCHED: Final = "the run itself is not touched by it"


def cannot_be_written(what: str, where: object, error: OSError) -> Diagnostic:
    """The warning of a run that cannot tell something of itself."""
    why = (error.strerror or str(error)).lower()
    return Diagnostic(
        "TRC642",
        f'{what} cannot be written to "{where}": {why}',
        help=(_UNTOUCHED,),
        severity="warning",
    )


def cannot_be_served(address: str, error: OSError) -> Diagnostic:
    """The warning of a run whose metrics nobody can ask for."""
    why = (error.strerror or str(error)).lower()
    return Diagnostic(
        "TRC642",
        f'metrics cannot be served at "{address}": {why}',
        help=(f"{_UNTOUCHED}; choose another port",),
        severity="warning",
    )


def cannot_be_delivered(where: str, why: str) -> Diagnostic:
    """The warning of a run whose spans did not arrive, or not all of them."""
    return Diagnostic(
        "TRC643",
        f'traces cannot be delivered to "{where}": {why}',
        help=(f"{_UNTOUCHED}; look at what receives them there, and at the variables OTEL_EXPORTER_OTLP_*",),
        severity="warning",
    )
