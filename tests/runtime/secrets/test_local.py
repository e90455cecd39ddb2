"""Secrets in variables and in files, and what is made of them for a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from trc.runtime.reasons import Reason
from trc.runtime.secrets.base import Fetched, Unavailable
from trc.runtime.secrets.resolver import SecretsOfRun, secrets_of_run
from trc.runtime.spec import SecretSpec
from trc.runtime.taskside.order import OrderSecret
from trc.runtime.taskside.result import Failure

ARGS = (("params", "args", "token"),)


def values(secrets: SecretsOfRun, *refs: str, versions: Mapping[str, str] | None = None) -> list[str] | Failure:
    found = secrets.values([SecretSpec(ref, ARGS) for ref in refs], versions or {})
    return found if isinstance(found, Failure) else [one.value for one in found]


def of(project: Path, **variables: str) -> SecretsOfRun:
    return secrets_of_run(project, variables, lambda: 0.0)


def failure(secrets: SecretsOfRun, ref: str) -> tuple[str, str, str]:
    found = values(secrets, ref)
    assert isinstance(found, Failure), found
    return found.kind, found.reason, found.message.partition("\n")[0]


def test_a_variable_is_handed_over_with_its_places(tmp_path: Path) -> None:
    found = of(tmp_path, TOKEN="hunter2").values([SecretSpec("env:TOKEN", ARGS)], {})
    assert found == (OrderSecret("env:TOKEN", "hunter2", ARGS),)
    assert "hunter2" not in repr(found)


def test_files_are_relative_to_the_project_and_lose_one_line_break(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "secrets").mkdir(parents=True)
    (project / "secrets" / "unix").write_bytes(b"hunter2\n")
    (project / "secrets" / "dos").write_bytes(b"hunter2\r\n")
    (project / "secrets" / "many").write_bytes(b"first\nlast\n\n")
    (tmp_path / "outside").write_bytes(b"from outside")
    refs = ["file:secrets/unix", "file:secrets/dos", "file:secrets/many", f"file:{tmp_path}/outside"]
    assert values(of(project), *refs) == ["hunter2", "hunter2", "first\nlast\n", "from outside"]


def test_a_link_does_not_lead_out_of_the_project(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "outside").write_text("from outside")
    (project / "inside").write_text("from inside")
    (project / "link").symlink_to("inside")
    (project / "leak").symlink_to("../outside")
    assert values(of(project), "file:link") == ["from inside"]
    assert failure(of(project), "file:leak") == (
        "permanent", "secret_missing", 'the secret "file:leak" is a link that leads out of the project',
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ref", "reason", "said"),
    [
        ("env:NOPE", "secret_missing", "is not there: no variable of that name is set"),
        ("env:EMPTY", "secret_unusable", "is empty"),
        ("env:BLANK", "secret_unusable", "is empty"),
        ("env:SHORT", "secret_unusable", "has fewer than 4 characters"),
        ("env:NUL_IS_FINE_IN_ARGS", "", ""),
        ("env:RAW", "secret_unusable", "is no text in UTF-8"),
        ("file:nope", "secret_missing", "is not there"),
        ("file:a/b", "secret_missing", "is no plain file"),
        ("file:folder", "secret_missing", "is no plain file"),
        ("file:pipe", "secret_missing", "is no plain file"),
        ("file:binary", "secret_unusable", "is no text in UTF-8"),
        ("file:long", "secret_unusable", "has more than 65,536 bytes"),
        ("file:longest", "", ""),
    ],
)
def test_what_cannot_be_used_is_said_without_its_value(tmp_path: Path, ref: str, reason: str, said: str) -> None:
    (tmp_path / "a").write_text("abcdef")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfd\xfc")
    (tmp_path / "long").write_text("l" * 65_537)
    (tmp_path / "longest").write_text("l" * 65_536)
    raw = b"\xff\xfe\xfd\xfc".decode(errors="surrogateescape")
    secrets = of(tmp_path, EMPTY="", BLANK=" \n  ", SHORT="abc", NUL_IS_FINE_IN_ARGS="a\0bcd", RAW=raw)
    if reason:
        assert failure(secrets, ref) == ("permanent", reason, f'the secret "{ref}" {said}')
    else:
        assert isinstance(values(secrets, ref), list)


def test_a_variable_of_the_task_takes_no_nul(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"a\0bcd")
    found = of(tmp_path).values([SecretSpec("file:token", (("env", "TOKEN"),))], {})
    assert isinstance(found, Failure)
    assert found.message == 'the secret "file:token" holds a NUL character, which the variable "TOKEN" cannot'


class Counted:
    """A provider that counts, and can be down."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_down = False

    def version(self, reference: str) -> str:
        return self._answer(f"version of {reference}")

    def fetch(self, reference: str, version: str | None) -> Fetched:
        return Fetched(self._answer(f"value of {reference} {version}"), version)

    def _answer(self, what: str) -> str:
        self.asked.append(what)
        if self.is_down:
            raise Unavailable("nobody answers", "secret_unreachable")
        return what


def test_each_is_fetched_once_a_run() -> None:
    provider = Counted()
    secrets = SecretsOfRun({"kept": provider}, lambda: 0.0)
    for _ in range(3):
        assert secrets.version("kept:a") == "version of a"
        assert values(secrets, "kept:a", "kept:b", versions={"kept:a": "7"}) == ["value of a 7", "value of b None"]
    assert provider.asked == ["version of a", "value of a 7", "value of b None"]


def test_who_does_not_answer_is_not_asked_again_at_once() -> None:
    """Every question may wait for long, and all tasks wait with it."""
    provider, clock = Counted(), [100.0]
    secrets = SecretsOfRun({"kept": provider}, lambda: clock[0])
    provider.is_down = True
    assert failure(secrets, "kept:a") == ("temporary", "secret_unreachable", "nobody answers")
    provider.is_down = False
    assert failure(secrets, "kept:b") == (
        "temporary", "secret_unreachable", 'the secret "kept:b" cannot be had: "kept" did not answer a moment ago',
    )  # fmt: skip
    assert secrets.version("kept:b") == Reason(
        "no_key", 'the secret "kept:b" cannot be had: "kept" did not answer a moment ago'
    )
    clock[0] += 11
    assert values(secrets, "kept:a") == ["value of a None"]
