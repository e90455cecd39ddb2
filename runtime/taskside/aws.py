"""Calls to services of AWS by a task: the client, as AWS's own configuration says, and what its errors mean."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

from trc.addresses import Allowed, Refused, read_url
from trc.runtime.taskside.connecting import Unanswered, addresses_of, checked_addresses
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.web import allowed_of

_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_BUSY = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TooManyRequests",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
_NO_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
    "SSOTokenLoadError",
    "ProfileNotFound",
)
_UNSENT = ("EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "SSLError")
"""After which it is sure that nobody has heard the request."""
_UNHEARD = ("HTTPClientError", "ConnectionError", "IncompleteReadError", "ResponseStreamingError")


def client(service: str, order: TaskOrder, *, patience: float, attempts: int) -> Any:
    """A client of a service, for `region`, `profile` and `endpoint_url` of the order's parameters where they are said.

    An endpoint that a pipeline names is called where any other URL of it would be; one of AWS's own configuration is not a
    pipeline's, and is taken as it is. `patience` is how many seconds an answer may take, `attempts` how often a request is sent at most. Raises AttemptFailed.
    """
    try:
        boto3 = importlib.import_module("boto3")
        config = importlib.import_module("botocore.config")
    except ImportError as error:
        message = f"calls to AWS take boto3: add it to the requirements of the task's environment ({error})"
        raise AttemptFailed(Failure(message, "permanent", "aws")) from None
    params = order.params
    if params.get("endpoint_url"):
        _require_callable(params["endpoint_url"], allowed_of(order.network))
    with errors_of(service, is_repeatable=True):
        session = boto3.session.Session(profile_name=params.get("profile"), region_name=params.get("region"))
        settings = config.Config(
            connect_timeout=min(patience, 30.0),
            read_timeout=patience,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )
        return session.client(service, endpoint_url=params.get("endpoint_url"), config=settings)


def _require_callable(endpoint: str, allowed: Allowed) -> None:
    """Raises AttemptFailed. botocore looks a name up by itself when it calls: what it finds then is not asked about again."""
    try:
        checked_addresses(read_url(endpoint, allowed), allowed, addresses_of)
    except Refused as refused:
        message = "\n".join((refused.message, *refused.help))
        raise AttemptFailed(Failure(message, "permanent", "web_forbidden")) from None
    except Unanswered as error:
        raise AttemptFailed(Failure(str(error), "temporary", "aws")) from None


@contextlib.contextmanager
def errors_of(what: str, *, is_repeatable: bool) -> Iterator[None]:
    """Turns a client's errors into failures; where a request may not be sent twice, one without an answer has an unknown end."""
    known = importlib.import_module("botocore.exceptions")
    try:
        yield
    except known.ClientError as error:
        raise AttemptFailed(_answered(error, what, is_repeatable=is_repeatable)) from None
    except tuple(getattr(known, name) for name in _NO_CREDENTIALS) as error:
        raise AttemptFailed(Failure(f"{what}: there are no AWS credentials: {error}", "permanent", "aws")) from None
    except tuple(getattr(known, name) for name in _UNSENT) as error:
        raise AttemptFailed(Failure(f"{what}: AWS cannot be reached: {error}", "temporary", "aws")) from None
    except (ConnectionError, TimeoutError):
        raise AttemptFailed(_unanswered(f"{what}: no answer came", is_repeatable=is_repeatable)) from None
    except tuple(getattr(known, name) for name in _UNHEARD):
        raise AttemptFailed(_unanswered(f"{what}: no answer came", is_repeatable=is_repeatable)) from None
    except known.BotoCoreError as error:
        raise AttemptFailed(Failure(f"{what}: AWS cannot be asked: {error}", "permanent", "aws")) from None


def _unanswered(message: str, *, is_repeatable: bool) -> Failure:
    return Failure(message, "temporary", "aws") if is_repeatable else Failure(message, "unknown", "aws_unanswered")


def _answered(error: Any, what: str, *, is_repeatable: bool) -> Failure:
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = str(error.response.get("Error", {}).get("Message", "")).strip()
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    told = f"{code}: {said}" if said else code
    if code in _CREDENTIALS:
        return Failure(f"{what}: AWS does not take the credentials: {code}", "permanent", "aws")
    if code in _DENIED or status == 403:
        return Failure(f"{what}: access is denied: {told}", "permanent", "aws")
    if code in _BUSY or status in (429, 503):
        return Failure(f"{what}: AWS is too busy: {told}", "temporary", "aws")
    if status >= 500:
        return _unanswered(f"{what}: AWS answers {told}", is_repeatable=is_repeatable)
    return Failure(f"{what}: AWS answers {told}", "permanent", "aws")
