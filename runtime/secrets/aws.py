"""Secrets that lie with AWS: in Secrets Manager, and in the parameters of Systems Manager."""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import Any, Final, NoReturn

from trc.runtime.secrets.base import Fetched, Unavailable

_CONNECT: Final = 3
_READ: Final = 5
_ATTEMPTS: Final = 2
"""So that an answer is there, or given up, within twenty seconds."""

_LOOK: Final = "look at the AWS configuration of this user"
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


class Aws:
    """Asks AWS; what a client costs to make is paid once a service and region."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str | None], Any] = {}

    def ask(self, ref: str, service: str, operation: str, **arguments: Any) -> Any:
        """An answer of AWS; raises Unavailable in words of our own, for an error may repeat a value."""
        provider, _, reference = ref.partition(":")
        called = f'the secret "{ref}"'
        boto3, config, errors = _library(provider)
        try:
            client = self._client(boto3, config, service, _region(reference))
            return getattr(client, operation)(**arguments)
        except errors.ClientError as error:
            _refused(error, called)
        except (errors.NoCredentialsError, errors.PartialCredentialsError, errors.CredentialRetrievalError):
            raise Unavailable(
                f"{called} cannot be had: there are no AWS credentials",
                "secret_missing",
                "configure them as for the AWS command line: a profile, variables, or the machine's own role",
            ) from None
        except errors.NoRegionError:
            raise Unavailable(
                f"{called} cannot be had: no AWS region is configured",
                "secret_missing",
                "set AWS_REGION, or the region of the profile",
            ) from None
        except errors.ParamValidationError:
            raise Unavailable(f"{called} has a name that AWS does not take", "secret_missing") from None
        except (errors.HTTPClientError, errors.ConnectionError):
            raise Unavailable(f"{called} cannot be had: AWS does not answer", "secret_unreachable") from None
        except errors.BotoCoreError as error:
            raise Unavailable(f"{called} cannot be had: {type(error).__name__}", "secret_missing", _LOOK) from None
        except ValueError:
            raise Unavailable(f"{called} cannot be had", "secret_missing", _LOOK) from None

    def _client(self, boto3: Any, config: Any, service: str, region: str | None) -> Any:
        key = (service, region)
        if key not in self._clients:
            bounds = config.Config(
                connect_timeout=_CONNECT,
                read_timeout=_READ,
                retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            )
            self._clients[key] = boto3.session.Session().client(service, region_name=region, config=bounds)
        return self._clients[key]


def _library(provider: str) -> tuple[Any, Any, Any]:
    try:
        return import_module("boto3"), import_module("botocore.config"), import_module("botocore.exceptions")
    except ImportError:
        raise Unavailable(
            f'secrets of "{provider}" need the package "boto3", which is not installed',
            "secret_package",
            "install it: pip install 'trc-pipelines[aws]'",
        ) from None


class SecretsManager:
    """Implements `Provider`: `name`, or `name#key` for one key of a secret that is JSON."""

    name = "aws-secretsmanager"

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def version(self, reference: str) -> str:
        secret, _, _ = reference.partition("#")
        described = self._aws.ask(f"{self.name}:{reference}", "secretsmanager", "describe_secret", SecretId=secret)
        for version, stages in (described.get("VersionIdsToStages") or {}).items():
            if "AWSCURRENT" in stages:
                return str(version)
        raise Unavailable(f'the secret "{self.name}:{reference}" has no value yet', "secret_missing")

    def fetch(self, reference: str, version: str | None) -> Fetched:
        secret, _, key = reference.partition("#")
        wanted = {"SecretId": secret} | ({"VersionId": version} if version else {})
        answer = self._aws.ask(f"{self.name}:{reference}", "secretsmanager", "get_secret_value", **wanted)
        text = answer.get("SecretString")
        called = f'the secret "{self.name}:{reference}"'
        if not isinstance(text, str):
            raise Unavailable(f"{called} is binary; a secret is a text", "secret_unusable")
        return Fetched(_at_key(text, key, called) if key else text, str(answer["VersionId"]))


class Parameters:
    """Implements `Provider` over Parameter Store."""

    name = "aws-ssm"

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def version(self, reference: str) -> str:
        # Not decrypted: of a SecureString, what comes back is of no use to anybody, and is dropped here.
        answer = self._aws.ask(f"{self.name}:{reference}", "ssm", "get_parameter", Name=reference, WithDecryption=False)
        return str(answer["Parameter"]["Version"])

    def fetch(self, reference: str, version: str | None) -> Fetched:
        name = f"{reference}:{version}" if version else reference
        answer = self._aws.ask(f"{self.name}:{reference}", "ssm", "get_parameter", Name=name, WithDecryption=True)
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
