"""What is wrong with a state store on S3, as its user is told it."""

from __future__ import annotations

from typing import Final

from trc.runtime.errors import Stopped, stopped
from trc.runtime.storage.errors import ObjectError
from trc.runtime.store.bucket import BucketAddress

AGAIN: Final = "what was recorded is not lost: run the command again, and it goes on"


def unusable(error: ObjectError, address: BucketAddress) -> Stopped:
    """The end of a command whose store does not answer, or refuses."""
    reason = str(error).partition('": ')[2] or str(error)
    match error.reason:
        case "object_bucket":
            remedy = (
                "make the bucket, for trc makes none, or name another one; look whether the endpoint is the right one"
            )
        case "object_credentials":
            remedy = "look at the AWS configuration of this user: variables, profile, role, SSO"
        case "object_unreachable":
            remedy = f"look at the endpoint and the way there; {AGAIN}"
        case _:
            remedy = "let this identity use s3:GetObject, s3:PutObject and s3:DeleteObject there, and s3:ListBucket on the bucket"
    return stopped("TRC690", f'the state store "{address}" cannot be used: {reason}', remedy)


def ignores_conditions(address: BucketAddress, endpoint: str, what: str) -> Stopped:
    """The end of a command whose endpoint would let two processes write over each other."""
    return stopped(
        "TRC691",
        f'the endpoint "{endpoint}" of the state store "{address}" {what}',
        "use an endpoint that carries out If-None-Match and If-Match of PUT, as AWS does, or keep the state in PostgreSQL",
    )


def overtaken(address: BucketAddress) -> Stopped:
    """The end of a command that was taken for dead in the middle of a step."""
    return stopped(
        "TRC692",
        f'this process was silent for so long in the middle of a step that others went on without it in the state store "{address}"',
        f"nothing of that step is recorded; {AGAIN}",
    )


def busy(address: BucketAddress) -> Stopped:
    """The end of a command that others let no step be made."""
    return stopped(
        "TRC692",
        f'other processes keep the state store "{address}" busy without an end',
        "wait for them, and try again",
    )


def damaged(address: BucketAddress, name: str, what: str) -> Stopped:
    """The end of a command that finds what no trc has written, or what is missing."""
    return stopped(
        "TRC693",
        f'"{address}" is no whole state store: {name} {what}',
        "name folders of its own for the state, or put back what was removed there",
    )


def newer(address: BucketAddress, version: int, known: int) -> Stopped:
    """The end of a command of an older trc."""
    return stopped(
        "TRC693",
        f'the state store "{address}" was written by a newer trc (its version is {version}, this trc knows {known})',
        "use that trc, or another state",
    )
