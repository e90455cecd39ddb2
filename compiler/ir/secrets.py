"""Secrets by reference: where a value lies that pipelines, plans and keys never hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Final

from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.ir.node import ENVIRONMENT, Node

PROVIDERS: Final[Mapping[str, str]] = {
    "env": "env:NAME",
    "file": "file:path",
    "aws-secretsmanager": "aws-secretsmanager:name",
    "aws-ssm": "aws-ssm:/path",
}
"""What a reference into each provider looks like."""

KEY: Final = "secret"
"""A mapping with this one key is a secret: `{secret: "env:NAME"}`."""

VERSIONED: Final[frozenset[str]] = frozenset({"aws-secretsmanager", "aws-ssm"})
"""The providers that number the values that a secret has had."""

LONGEST: Final = 2048


class SecretRef(Node):
    """A secret, named by where it lies; its value is fetched when an attempt is about to begin, and kept nowhere."""

    secret: Annotated[str, ENVIRONMENT]
    """`provider:reference`, as `read_reference` accepts it."""

    @property
    def provider(self) -> str:
        return self.secret.partition(":")[0]

    @property
    def reference(self) -> str:
        return self.secret.partition(":")[2]


class BadReference(ValueError):  # noqa: N818 - says what is wrong with what somebody wrote
    """What is wrong with a reference; `code` is the diagnostic's, `help` how to mend it."""

    def __init__(self, code: str, message: str, *help_lines: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help_lines


def read_reference(text: str) -> SecretRef:
    """The secret that a text such as `env:NAME` refers to; raises BadReference."""
    provider, colon, reference = text.partition(":")
    if not colon or provider not in PROVIDERS:
        raise _no_provider(text, provider if colon else "")
    if not reference:
        raise _malformed(f'the secret "{text}" does not say which one', f"write it like {PROVIDERS[provider]}")
    if len(text) > LONGEST:
        raise _malformed(f"a reference to a secret has more than {LONGEST} characters", "name where the secret lies")
    if "{{" in text or "{%" in text:
        raise _malformed(
            "a reference to a secret has to be known before the run",
            "a value that only a run knows cannot choose a secret: use parameters and the target",
        )
    if re.search(r"[\x00-\x1f\x7f]", text) or text != text.strip():
        raise _malformed("a reference to a secret holds white space at its ends, or a control character", "remove it")
    _CHECKS[provider](reference)
    return SecretRef(secret=text)


def is_reference(text: str) -> bool:
    """Whether a text begins as a reference to a secret does."""
    provider, colon, _ = text.partition(":")
    return bool(colon) and provider in PROVIDERS


def _no_provider(text: str, provider: str) -> BadReference:
    known = f"a secret is written as {', '.join(PROVIDERS.values())}"
    if not provider:
        # What was written may be the secret itself: it is not repeated.
        return BadReference("TRC221", "a secret does not say which provider has it", known)
    near = did_you_mean(provider, PROVIDERS)
    # Without a near name, this may be a password with a colon in it.
    message = f'no provider of secrets is called "{provider}"' if near else "a secret names no provider that is known"
    del text
    return BadReference("TRC221", message, *(near or (known,)))


def _malformed(message: str, *help_lines: str) -> BadReference:
    return BadReference("TRC222", message, *help_lines)


def _env(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise _malformed(f'"{name}" cannot be the name of an environment variable', "write it like env:DB_PASSWORD")
    if name.upper().startswith("TRC_"):
        raise _malformed(
            f'"{name}": variables whose names begin with TRC_ are trc\'s own, and recorded with runs',
            "keep the secret in a variable with another name",
        )


def _file(path: str) -> None:
    if path.startswith("~"):
        raise _malformed('"~" stands for no folder in the path of a secret', "write the absolute path")
    if path.endswith("/"):
        raise _malformed(f'"{path}" is a folder', "name a file")
    if not path.startswith("/") and ".." in path.split("/"):
        raise _malformed(
            f'"{path}" leads out of the project',
            "a relative path stays within the project's folder; for a file elsewhere, write its absolute path",
        )


def _secretsmanager(reference: str) -> None:
    name, hash_mark, key = reference.partition("#")
    if not re.fullmatch(r"[A-Za-z0-9/_+=.@:!-]+", name):
        raise _malformed(
            f'"{name}" is no name of a secret in AWS Secrets Manager', "use letters, digits and /_+=.@-, or an ARN"
        )
    if hash_mark and not key.strip():
        raise _malformed('nothing stands behind the "#"', "name the key of the secret's JSON, or remove the #")


def _ssm(path: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_./-]+|arn:[A-Za-z0-9_./:-]+", path):
        raise _malformed(
            f'"{path}" is no name of a parameter in AWS Systems Manager',
            "use letters, digits and _.-/, such as aws-ssm:/prod/db/password",
        )


_CHECKS: Final[Mapping[str, Callable[[str], None]]] = {
    "env": _env,
    "file": _file,
    "aws-secretsmanager": _secretsmanager,
    "aws-ssm": _ssm,
}
