"""Delivers one message to the endpoint of a hook: signed, bounded, and judged by what it answers."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import field
from typing import Final, Literal

from trc.addresses import Refused
from trc.runtime.hooks import type_of
from trc.runtime.ssrf import Answer, Caller
from trc.runtime.store.journal import Message
from trc.runtime.taskside.connecting import Unanswered
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import Failure

KEY_PREFIX: Final = "whsec_"
"""Before a key that is written in base64, as https://www.standardwebhooks.com has it."""
_LONGEST_WAIT: Final = 3600.0
_GONE: Final = 410
_BUSY: Final = frozenset({408, 425, 429})
_SERVER: Final = 500


@record(frozen=True, slots=True)
class Tried:
    """How a try to deliver a message ended; `error` says why it was not delivered.

    `later` are the seconds that the endpoint asks to be left alone. `is_down` says that the endpoint does not work, for whatever message.
    """

    end: Literal["delivered", "failed", "dead"]
    error: str = ""
    later: float = 0.0
    is_down: bool = False


Key = Callable[[], bytes | Failure | None]
"""What messages are signed with: nothing where no key is configured, and a failure where it cannot be had."""


@record(frozen=True, slots=True)
class Webhooks:
    """Posts messages; may be used by several threads. `caller` makes what calls, for one message each."""

    caller: Callable[[], Caller]
    key: Key = field(repr=False)
    agent: str = "trc"

    def deliver(self, message: Message, now: float) -> Tried:
        """Tries once. Without its key nothing is sent: an endpoint that is to be told in signed messages gets no others."""
        key = self.key()
        if isinstance(key, Failure):
            return Tried("failed", f"it cannot be signed: {key.message.partition(chr(10))[0]}")
        body = message.body.encode()
        stamp = str(int(now))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": self.agent,
            "webhook-id": message.id,
            "webhook-timestamp": stamp,
            "trc-event": type_of(message.event, message.task),
            "trc-try": str(message.tries + 1),
        }
        if key is not None:
            headers["webhook-signature"] = signature(key, message.id, stamp, body)
        try:
            with self.caller() as caller:
                return _judged(caller.post(message.url, body, headers))
        except Refused as refused:
            return Tried("dead", refused.message)
        except Unanswered as unanswered:
            return Tried("failed", str(unanswered), is_down=True)


def signature(key: bytes, name: str, stamp: str, body: bytes) -> str:
    """The signature of a message: version 1, HMAC-SHA256 over id, timestamp and body, in base64."""
    signed = b".".join((name.encode(), stamp.encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def key_of(secret: str) -> bytes:
    """The key that a secret's text stands for. Raises ValueError where it begins as base64 and is none."""
    if not secret.startswith(KEY_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(KEY_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f'what follows "{KEY_PREFIX}" is not base64') from error


def _judged(answer: Answer) -> Tried:
    if answer.is_success:
        return Tried("delivered")
    said = f"it answered {answer.status}"
    if answer.status == _GONE:
        return Tried("dead", f"{said}: the endpoint is gone")
    is_down = answer.status >= _SERVER or answer.status in _BUSY
    return Tried("failed", said, _later(answer) if is_down else 0.0, is_down)


def _later(answer: Answer) -> float:
    asked = answer.headers.get("retry-after", "")
    return min(float(asked), _LONGEST_WAIT) if asked.isascii() and asked.isdigit() else 0.0
