"""Secrets that lie with AWS: in Secrets Manager, and in the parameters of Systems Manager."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import import_module
from typing import Any, Final, NoReturn

from trc.runtime.secrets.base import Fetched, Unavailable

_CONNECT: Final = 3
_READ: Final = 5
_ATTEMPTS: Final = 2
"""So that an answer is there, or given up, within twenty seconds."""

_GONE: Final = frozenset(
    {"ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound", "InvalidRequestException"}
)
_BUSY: Final = re.compile(
    r"Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|InternalServ|InternalFailure|ServiceUnavailable|Timeout"
)
_NO_ACCESS: Final = re.compile(
    r"AccessDenied|NotAuthorized|UnrecognizedClient|InvalidClientTokenId|Signature|ExpiredToken|AuthFailure|Decryption"
    r"|InvalidKeyId|KMS"
)


class SecretsManager:
    """Implements `Provider`: `name`, or `name#key` for one key of a secret that is JSON."""

    name = "aws-secretsmanager"

    def version(self, reference: str) -> str:
        secret, _, _ = reference.partition("#")
        described = _asked(self.name, reference, "secretsmanager", "describe_secret", SecretId=secret)
        for version, stages in (described.get("VersionIdsToStages") or {}).items():
            if "AWSCURRENT" in stages:
                return str(version)
        raise Unavailable(f'the secret "{self.name}:{reference}" has no value yet', "secret_missing")

    def fetch(self, reference: str, version: str | None) -> Fetched:
        secret, _, key = reference.partition("#")
        wanted = {"SecretId": secret} | ({"VersionId": version} if version else {})
        answer = _asked(self.name, reference, "secretsmanager", "get_secret_value", **wanted)
        text = answer.get("SecretString")
        called = f'the secret "{self.name}:{reference}"'
        if not isinstance(text, str):
            raise Unavailable(f"{called} is binary; a secret is a text", "secret_unusable")
        return Fetched(_at_key(text, key, called) if key else text, str(answer["VersionId"]))


class Parameters:
    """Implements `Provider` over Parameter Store."""

    name = "aws-ssm"

    def version(self, reference: str) -> str:
        # Not decrypted: of a SecureString, what comes back is of no use to anybody, and is dropped here.
        answer = _asked(self.name, reference, "ssm", "get_parameter", Name=reference, WithDecryption=False)
        return str(answer["Parameter"]["Version"])

    def fetch(self, reference: str, version: str | None) -> Fetched:
        name = f"{reference}:{version}" if version else reference
        answer = _asked(self.name, reference, "ssm", "get_parameter", Name=name, WithDecryption=True)
        return Fetched(answer["Parameter"]["Value"], str(answer["Parameter"]["Version"]))


def _at_key(text: str, key: str, called: str) -> str:
    try:
        held = json.loads(text)
    except ValueError:
        raise Unavailable(f'{called} is no JSON, so that it has no key "{key}"', "secret_unusable") from None
    if not isinstance(held, dict) or key not in held:
        raise Unavailable(f'{called} has no key "{key}"', "secret_missing")
    value = held[key]
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return json.dumps(value)
    raise Unavailable(f'the key "{key}" of {called} is no text and no number', "secret_unusable")


def _asked(provider: str, reference: str, service: str, operation: str, **arguments: Any) -> Any:
    """An answer of AWS; raises Unavailable in words of our own, for an error may repeat a value."""
    client = _client(provider, service, _region(reference))
    errors: Any = import_module("botocore.exceptions")
    called = f'the secret "{provider}:{reference}"'
    try:
        return getattr(client, operation)(**arguments)
    except errors.ClientError as error:
        _refused(error, called)
    except (errors.NoCredentialsError, errors.PartialCredentialsError, errors.CredentialRetrievalError):
        raise Unavailable(
            f"{called} cannot be had: there are no AWS credentials",
            "secret_missing",
            "configure them as for the AWS command line: a profile, variables, or the machine's own role",
        ) from None
    except errors.ParamValidationError:
        raise Unavailable(f"{called} has a name that AWS does not take", "secret_missing") from None
    except (errors.HTTPClientError, errors.ConnectionError):
        raise Unavailable(f"{called} cannot be had: AWS does not answer", "secret_unreachable") from None
    except errors.BotoCoreError as error:
        raise Unavailable(f"{called} cannot be had: {type(error).__name__}", "secret_missing") from None


def _refused(error: Any, called: str) -> NoReturn:
    told = str(error.response.get("Error", {}).get("Code", ""))
    code = told if re.fullmatch(r"[A-Za-z0-9.]{1,80}", told) else "an error"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if _BUSY.search(code) or status >= 500:
        raise Unavailable(f"{called} cannot be had now: AWS answers {code}", "secret_unreachable") from None
    if code in _GONE:
        raise Unavailable(f"{called} is not there: AWS answers {code}", "secret_missing") from None
    remedy = ("allow this identity to read the secret, and to use its key",) if _NO_ACCESS.search(code) else ()
    raise Unavailable(f"{called} cannot be had: AWS answers {code}", "secret_missing", *remedy) from None


def _region(reference: str) -> str | None:
    """That of an ARN; else the usual configuration says it."""
    parts = reference.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 3 and parts[3] else None


@cache
def _client(provider: str, service: str, region: str | None) -> Any:
    try:
        boto3: Any = import_module("boto3")
        config: Any = import_module("botocore.config")
        errors: Any = import_module("botocore.exceptions")
    except ImportError:
        raise Unavailable(
            f'secrets of "{provider}" need the package "boto3", which is not installed',
            "secret_package",
            "install it: pip install 'trc-pipelines[aws]'",
        ) from None
    bounds = config.Config(
        connect_timeout=_CONNECT,
        read_timeout=_READ,
        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
    )
    try:
        return boto3.session.Session().client(service, region_name=region, config=bounds)
    except errors.NoRegionError:
        raise Unavailable(
            f'secrets of "{provider}" need an AWS region, and none is configured',
            "secret_missing",
            "set AWS_REGION, or the region of the profile",
        ) from None
    except errors.BotoCoreError as error:
        message = f'secrets of "{provider}" cannot be had: {type(error).__name__}'
        raise Unavailable(message, "secret_missing", "look at the AWS configuration of this user") from None
    except ValueError:
        message = f'secrets of "{provider}" cannot be had: the AWS configuration of this user is wrong'
        raise Unavailable(message, "secret_missing") from None
