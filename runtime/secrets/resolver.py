"""The secrets of one run: each is fetched once, when the first attempt that is given it is about to begin."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from trc.runtime.reasons import Reason
from trc.runtime.secrets.aws import Aws, Parameters, SecretsManager
from trc.runtime.secrets.base import LONGEST, Fetched, Provider, Unavailable
from trc.runtime.secrets.environment import Environment
from trc.runtime.secrets.file import Files
from trc.runtime.spec import SecretSpec
from trc.runtime.taskside.masking import SHORTEST
from trc.runtime.taskside.order import OrderSecret
from trc.runtime.taskside.result import Failure

T = TypeVar("T")

_DOWN: Final = 10.0
"""Seconds for which a provider that did not answer is not asked again: every question is a wait for all tasks."""


@dataclass(slots=True)
class SecretsOfRun:
    """Fetches secrets and keeps them for the run, in this process's memory alone.

    `monotonic` gives the time in seconds.
    """

    providers: Mapping[str, Provider]
    monotonic: Callable[[], float]
    _versions: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    _fetched: dict[tuple[str, str | None], Fetched] = field(default_factory=dict[tuple[str, "str | None"], Fetched])
    _down: dict[str, tuple[float, Unavailable]] = field(default_factory=dict[str, tuple[float, Unavailable]])

    def version(self, ref: str) -> str | Reason:
        """The version that the secret has in this run, or why nobody can tell it."""
        try:
            return self._version(ref) or Reason("no_key", f'the version of "{ref}" is not known')
        except Unavailable as error:
            return Reason("no_key", error.message.partition("\n")[0])

    def values(self, secrets: Sequence[SecretSpec], versions: Mapping[str, str]) -> tuple[OrderSecret, ...] | Failure:
        """The secrets of an attempt, in the versions that its key was made of; else why it cannot begin."""
        try:
            return tuple(OrderSecret(one.ref, self._value(one, versions.get(one.ref)), one.places) for one in secrets)
        except Unavailable as error:
            kind = "temporary" if error.is_temporary else "permanent"
            return Failure(error.message, kind=kind, reason=error.reason)

    def known(self) -> Collection[str]:
        """The values that were fetched so far."""
        return [one.value for one in self._fetched.values()]

    def _version(self, ref: str) -> str | None:
        if ref not in self._versions:
            provider, reference = self._provider(ref)
            self._versions[ref] = self._ask(ref, lambda: provider.version(reference))
        return self._versions[ref]

    def _value(self, secret: SecretSpec, version: str | None) -> str:
        known = self._fetched.get((secret.ref, version))
        if known is None:
            provider, reference = self._provider(secret.ref)
            known = self._ask(secret.ref, lambda: provider.fetch(reference, version))
            _check(known.value, secret)
            self._fetched[secret.ref, version] = known
        return known.value

    def _provider(self, ref: str) -> tuple[Provider, str]:
        name, _, reference = ref.partition(":")
        return self.providers[name], reference

    def _ask(self, ref: str, ask: Callable[[], T]) -> T:
        name = ref.partition(":")[0]
        until, error = self._down.get(name, (0.0, None))
        if error is not None and self.monotonic() < until:
            raise Unavailable(f'the secret "{ref}" cannot be had: "{name}" did not answer a moment ago', error.reason)
        try:
            return ask()
        except Unavailable as unavailable:
            if unavailable.is_temporary:
                self._down[name] = (self.monotonic() + _DOWN, unavailable)
            raise


def secrets_of_run(project: Path, variables: Mapping[str, str], monotonic: Callable[[], float]) -> SecretsOfRun:
    """The secrets of a run of a project, whose process has these variables."""
    aws = Aws()
    providers: dict[str, Provider] = {
        "env": Environment(variables),
        "file": Files(project),
        SecretsManager.name: SecretsManager(aws),
        Parameters.name: Parameters(aws),
    }
    return SecretsOfRun(providers, monotonic)


def _check(value: str, secret: SecretSpec) -> None:
    """Refuses what could not be masked, or not be handed over."""
    called = f'the secret "{secret.ref}"'
    if len(value.strip()) < SHORTEST:
        what = "is empty" if not value.strip() else f"has fewer than {SHORTEST} characters"
        raise Unavailable(
            f"{called} {what}", "secret_unusable", "so short a text cannot be told from others, and masked in logs"
        )
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Unavailable(f"{called} is no text in UTF-8", "secret_unusable") from None
    if size > LONGEST:
        raise Unavailable(f"{called} has more than {LONGEST:,} bytes", "secret_unusable")
    variable = next((place[1] for place in secret.places if place[0] == "env"), None)
    if variable is not None and "\0" in value:
        message = f'{called} holds a NUL character, which the variable "{variable}" cannot'
        raise Unavailable(message, "secret_unusable")
