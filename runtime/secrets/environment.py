"""Secrets in the variables of the process that drives a run: `env:NAME`."""

from __future__ import annotations

from collections.abc import Mapping

from trc.runtime.secrets.base import Fetched, Unavailable


class Environment:
    """Implements `Provider` over a process's variables."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def version(self, reference: str) -> None:
        """Nobody numbers the values of variables."""

    def fetch(self, reference: str, version: str | None) -> Fetched:
        del version
        if reference not in self._variables:
            raise Unavailable(
                f'the secret "env:{reference}" is not there: no variable of that name is set',
                "secret_missing",
                f"set {reference} where trc runs; tasks see it only through the secret",
            )
        return Fetched(self._variables[reference])
