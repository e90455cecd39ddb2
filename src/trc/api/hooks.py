"""What hooks tell: has it delivered beside a run, lists it, and has it delivered again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import trc
from trc.api.recorded import find_run, recorded_in
from trc.api.stores import opened, opener
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.clock import SystemClock
from trc.runtime.errors import stopped
from trc.runtime.outbox import WAIT, Courier
from trc.runtime.secrets.resolver import SecretsOfRun, secrets_of_run
from trc.runtime.spec import SecretSpec
from trc.runtime.ssrf import Caller
from trc.runtime.store.journal import Message
from trc.runtime.taskside.result import Failure
from trc.runtime.webhooks import Webhooks, key_of
from trc.settings import Settings, settings_of, variables_of_secrets

_ALL: Final = 1 << 62
_REPLAY_WAIT: Final = 30.0


@dataclass(slots=True)
class Delivering:
    """The courier of a run, and what it could not deliver."""

    courier: Courier
    settings: Settings
    problems: list[Diagnostic]

    def close(self, run: str, wait: float = WAIT) -> None:
        """Waits for the courier; `problems` then tells of what is left of the run, and of what was given up."""
        self.courier.close(wait)
        if self.courier.broken:
            told = f"messages of hooks could not be delivered: {self.courier.broken}"
            self.problems.append(Diagnostic("TRC624", told, help=_LATER, severity="warning"))
        with opened(self.settings) as store:
            left = store.messages(run=run, state="pending", limit=_ALL)
        self.problems.extend(_warnings(left, _LATER))
        self.problems.extend(_warnings(self.courier.died, _NEVER))


def delivering(settings: Settings, problems: list[Diagnostic]) -> Delivering:
    """Begins to deliver the messages of a project, beside a run of it."""
    courier = _courier(settings)
    courier.start()
    return Delivering(courier, settings, problems)


def messages(
    folder: Path, run_id: str | None = None, *, of_newest: bool = False, settled: bool = False
) -> tuple[Message, ...]:
    """The project's messages, newest first: those that are not delivered, or with `settled` all.

    Of the run whose id begins so, or with `of_newest` of the newest one; without both, of all runs.
    """
    with recorded_in(folder) as store:
        run = find_run(store, run_id).id if run_id is not None or of_newest else None
        found = store.messages(run=run, limit=_ALL)
    return tuple(one for one in found if settled or one.state != "delivered")


def replay_messages(folder: Path, numbers: Sequence[int]) -> tuple[Message, ...]:
    """Has messages delivered now, whether they were given up, wait, or were delivered before; answers how they then stand.

    Without numbers, all that are not delivered.
    """
    settings, now = settings_of(folder), SystemClock().now()
    with recorded_in(folder) as store:
        known = {one.number: one for one in store.messages(limit=_ALL)}
        for number in numbers:
            if number not in known:
                raise stopped("TRC609", f"no message has the number {number}", "`trc hooks list --all` lists them")
        chosen = tuple(numbers) or tuple(number for number, one in known.items() if one.state != "delivered")
        if not chosen:
            return ()
        with store.transaction() as change:
            change.renew_messages(chosen, now)
        courier = _courier(settings)
        courier.start()
        courier.close(_REPLAY_WAIT)
        after = {one.number: one for one in store.messages(limit=_ALL)}
    return tuple(after[number] for number in chosen)


def _courier(settings: Settings) -> Courier:
    # A secret is fetched once a run: it is kept by what fetches it.
    secrets = secrets_of_run(settings.project, variables_of_secrets(), time.monotonic)
    key = partial(_key, secrets, settings.hooks_key)
    webhooks = Webhooks(partial(Caller, settings.network), key, f"trc/{trc.__version__}")
    return Courier(opener(settings), webhooks.deliver, settings.network, SystemClock())


def _key(secrets: SecretsOfRun, reference: str | None) -> bytes | Failure | None:
    if reference is None:
        return None
    found = secret_value(secrets, reference)
    if isinstance(found, Failure):
        return found
    try:
        return key_of(found)
    except ValueError as error:
        return Failure(f'the secret "{reference}" is no key: {error}', kind="permanent")


def secret_value(secrets: SecretsOfRun, reference: str) -> str | Failure:
    """The value of a secret that trc itself uses, or why there is none."""
    found = secrets.values((SecretSpec(reference, ()),), {})
    return found if isinstance(found, Failure) else found[0].value


_LATER: Final = ("the next run of this project tries again; `trc hooks list` lists them",)
_NEVER: Final = ("nobody tries again by itself: `trc hooks replay` does, once the cause is gone",)


def _warnings(left: Sequence[Message], remedy: Sequence[str]) -> Iterator[Diagnostic]:
    """One for each endpoint and error."""
    counts = Counter((shown_url(one.url), one.error or "there was no time left to try") for one in left)
    for (where, error), number in sorted(counts.items()):
        what = "a message of a hook was" if number == 1 else f"{number:,} messages of hooks were"
        yield Diagnostic("TRC624", f"{what} not delivered to {where}: {error}", help=tuple(remedy), severity="warning")


def shown_url(url: str) -> str:
    """As much of a URL as may be shown: path and query often hold what proves who asks."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0].rpartition('@')[2]}"
