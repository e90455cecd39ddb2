"""What S3 and its client say when something cannot be done, in words for the user."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from trc.runtime.storage.errors import ObjectError

_CREDENTIALS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
_MOVED: Final = frozenset({"PreconditionFailed", "412", "NoSuchKey", "404"})
_BUSY: Final = frozenset({"RequestTimeout", "SlowDown", "Throttling", "TooManyRequests"})
_NO_CREDENTIALS: Final = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
    "SSOTokenLoadError",
    "ProfileNotFound",
)
_CONNECTION: Final = ("HTTPClientError", "ConnectionError", "IncompleteReadError", "ResponseStreamingError")


def code_of(error: Any) -> str:
    """The code that S3 answered with, or the number of the status where it sent none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def told(error: Exception, uri: str) -> ObjectError | None:
    """What a client's error means for the object or pattern `uri`; None for an error that is none of a client's."""
    known: Any = import_module("botocore.exceptions")
    if isinstance(error, known.ClientError):
        return _answered(error, uri)
    if isinstance(error, tuple(getattr(known, name) for name in _NO_CREDENTIALS)):
        return ObjectError(f'"{uri}": there are no AWS credentials: {error}', "permanent", "object_credentials")
    if isinstance(error, tuple(getattr(known, name) for name in _CONNECTION)):
        return ObjectError(f'"{uri}": the object store does not answer', "temporary", "object_unreachable")
    if isinstance(error, (known.BotoCoreError, ValueError)):
        return ObjectError(f'"{uri}": S3 cannot be asked: {error}', "permanent", "object_refused")
    return None


def _answered(error: Any, uri: str) -> ObjectError:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "NoSuchBucket":
        return no_bucket(uri)
    if code in _CREDENTIALS:
        return ObjectError(f'"{uri}": S3 does not take the credentials: {code}', "permanent", "object_credentials")
    if code in _MOVED:
        return moved(uri)
    if code in _BUSY or status >= 500:
        return ObjectError(f'"{uri}": the object store is too busy: {code}', "temporary", "object_unreachable")
    what = "access is denied" if code in ("AccessDenied", "403", "AllAccessDisabled") else f"S3 answers {code}"
    return ObjectError(f'"{uri}": {what}', "permanent", "object_refused")


def no_bucket(uri: str) -> ObjectError:
    bucket = uri.split("/", 3)[2]
    return ObjectError(f'"{uri}": there is no bucket "{bucket}"', "permanent", "object_bucket")


def moved(uri: str) -> ObjectError:
    """The object is another one than was listed, or is gone."""
    return ObjectError(f'the object "{uri}" was changed or removed after it was listed', "temporary", "input_moved")
