"""Secrets with AWS, which is a server on this machine."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from trc.runtime.reasons import Reason
from trc.runtime.secrets.resolver import SecretsOfRun, secrets_of_run
from trc.runtime.spec import SecretSpec
from trc.runtime.taskside.result import Failure

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server: Any = import_module("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def _configured(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)


@pytest.fixture
def secrets(tmp_path: Path) -> SecretsOfRun:
    return secrets_of_run(tmp_path, {}, lambda: 0.0)


def client(service: str) -> Any:
    return import_module("boto3").client(service)


def kept(name: str, value: str | bytes) -> str:
    """Puts a secret there, and answers its version."""
    manager = client("secretsmanager")
    held = {"SecretBinary": value} if isinstance(value, bytes) else {"SecretString": value}
    try:
        return str(manager.create_secret(Name=name, **held)["VersionId"])
    except manager.exceptions.ResourceExistsException:
        return str(manager.put_secret_value(SecretId=name, **held)["VersionId"])


def value(secrets: SecretsOfRun, ref: str, version: str | None = None) -> str | Failure:
    found = secrets.values([SecretSpec(ref, (("env", "X"),), versioned=True)], {ref: version} if version else {})
    return found if isinstance(found, Failure) else found[0].value


def told(found: str | Failure) -> tuple[str, str, str]:
    assert isinstance(found, Failure), found
    return found.kind, found.reason, found.message.partition("\n")[0]


def test_a_secret_is_fetched_in_the_version_that_was_seen(secrets: SecretsOfRun, tmp_path: Path) -> None:
    ref = "aws-secretsmanager:shop/token"
    first = kept("shop/token", "the first token")
    assert secrets.version(ref) == first
    second = kept("shop/token", "the second token")
    assert secrets.version(ref) == first
    assert value(secrets, ref, first) == "the first token"
    later = secrets_of_run(tmp_path, {}, lambda: 0.0)
    assert later.version(ref) == second
    assert value(later, ref, second) == "the second token"
    assert value(secrets_of_run(tmp_path, {}, lambda: 0.0), ref) == "the second token"


def test_one_key_of_json(secrets: SecretsOfRun) -> None:
    version = kept("shop/db", '{"user": "ada", "password": "hunter2", "port": 54321, "hosts": ["hunter2"]}')
    ref = "aws-secretsmanager:shop/db"
    assert secrets.version(f"{ref}#password") == version
    assert value(secrets, f"{ref}#password") == "hunter2"
    assert value(secrets, f"{ref}#port") == "54321"
    assert told(value(secrets, f"{ref}#pasword")) == (
        "permanent", "secret_missing", f'the secret "{ref}#pasword" has no key "pasword"',
    )  # fmt: skip
    assert told(value(secrets, f"{ref}#hosts"))[1:] == (
        "secret_unusable", f'the key "hosts" of the secret "{ref}#hosts" is no text and no number',
    )  # fmt: skip
    kept("shop/plain", "hunter2 is no JSON")
    plain = "aws-secretsmanager:shop/plain#password"
    assert told(value(secrets, plain))[1:] == (
        "secret_unusable", f'the secret "{plain}" is no JSON, so that it has no key "password"',
    )  # fmt: skip


def test_a_binary_secret_is_none(secrets: SecretsOfRun) -> None:
    kept("shop/binary", b"\x00\xff")
    assert told(value(secrets, "aws-secretsmanager:shop/binary"))[1:] == (
        "secret_unusable", 'the secret "aws-secretsmanager:shop/binary" is binary; a secret is a text',
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["String", "SecureString"])
def test_a_parameter_is_fetched_in_the_version_that_was_seen(secrets: SecretsOfRun, kind: str) -> None:
    systems, name = client("ssm"), f"/shop/{kind}"
    systems.put_parameter(Name=name, Value="the first token", Type=kind)
    assert secrets.version(f"aws-ssm:{name}") == "1"
    systems.put_parameter(Name=name, Value="the second token", Type=kind, Overwrite=True)
    assert value(secrets, f"aws-ssm:{name}", "1") == "the first token"
    assert value(secrets, f"aws-ssm:{name}") == "the second token"


def test_an_arn_brings_its_region(secrets: SecretsOfRun) -> None:
    elsewhere = import_module("boto3").client("secretsmanager", region_name="us-east-2")
    arn = elsewhere.create_secret(Name="far", SecretString="a far token")["ARN"]
    assert value(secrets, f"aws-secretsmanager:{arn}") == "a far token"


@pytest.mark.parametrize("ref", ["aws-secretsmanager:nope", "aws-ssm:/nope"])
def test_what_is_not_there_is_permanent(secrets: SecretsOfRun, ref: str) -> None:
    kind, reason, message = told(value(secrets, ref))
    assert (kind, reason) == ("permanent", "secret_missing")
    assert message.startswith(f'the secret "{ref}" is not there: AWS answers ')
    assert isinstance(secrets.version(ref), Reason)


class Refusing(BaseHTTPRequestHandler):
    """AWS in a bad mood: it repeats the secret in what it says."""

    code = ""
    status = 400

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = f'{{"__type": "{self.code}", "message": "hunter2 is what you want"}}'.encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """It is quiet."""


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Refusing]]:
    handler = type("Handler", (Refusing,), {})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("ref", ["aws-secretsmanager:shop/token", "aws-ssm:/shop/token"])
@pytest.mark.parametrize(
    ("code", "status", "kind", "reason"),
    [
        ("ThrottlingException", 400, "temporary", "secret_unreachable"),
        ("InternalServiceError", 500, "temporary", "secret_unreachable"),
        ("SomethingNew", 503, "temporary", "secret_unreachable"),
        ("AccessDeniedException", 400, "permanent", "secret_missing"),
        ("DecryptionFailure", 400, "permanent", "secret_missing"),
        ("ExpiredTokenException", 400, "permanent", "secret_missing"),
        ("SomethingNew", 400, "permanent", "secret_missing"),
        ("hunter2 is the answer", 400, "permanent", "secret_missing"),
    ],
)
def test_refusals_are_told_in_our_own_words(
    refusing: type[Refusing], secrets: SecretsOfRun, ref: str, code: str, status: int, kind: str, reason: str
) -> None:
    refusing.code, refusing.status = code, status
    found = value(secrets, ref)
    assert told(found)[:2] == (kind, reason)
    assert isinstance(found, Failure)
    assert "hunter2" not in repr(found)
    assert "hunter2" not in repr(secrets.version(ref))


def test_nobody_listening_is_temporary(secrets: SecretsOfRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    ref = "aws-ssm:/shop/token"
    assert told(value(secrets, ref)) == (
        "temporary", "secret_unreachable", f'the secret "{ref}" cannot be had: AWS does not answer',
    )  # fmt: skip


def test_no_credentials_and_no_region_are_permanent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    ref = "aws-secretsmanager:shop/token"
    secrets = secrets_of_run(tmp_path, {}, lambda: 0.0)
    assert told(value(secrets, ref)) == (
        "permanent", "secret_missing", f'the secret "{ref}" cannot be had: there are no AWS credentials',
    )  # fmt: skip
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert told(value(secrets_of_run(tmp_path, {}, lambda: 0.0), ref)) == (
        "permanent", "secret_missing", f'the secret "{ref}" cannot be had: no AWS region is configured',
    )  # fmt: skip


def test_without_boto3_the_extra_is_named(secrets: SecretsOfRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    found = value(secrets, "aws-ssm:/shop/token")
    assert isinstance(found, Failure)
    assert (found.kind, found.reason) == ("permanent", "secret_package")
    assert found.message.splitlines() == [
        'secrets of "aws-ssm" need the package "boto3", which is not installed',
        "install it: pip install 'trc-pipelines[aws]'",
    ]
