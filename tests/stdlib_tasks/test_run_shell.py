"""Shell tasks as a worker runs them: variables in, exit codes and the last line out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trc.runtime.taskside.order import OrderInput, OrderOutput, TaskOrder
from trc.runtime.taskside.result import AttemptResult
from trc.runtime.taskside.run import execute


def run(folder: Path, command: str | list[str], **more: Any) -> AttemptResult:
    order = TaskOrder(
        run="r7",
        pipeline="p",
        task="export",
        attempt=1,
        token="export/1",
        runs="trc.stdlib_tasks.shell.run:run",
        project=str(folder),
        log=str(folder / "log"),
        run_time="2026-01-01T00:00:00+00:00",
        idempotency_key="r7/export",
        params={"command": command},
        **more,
    )
    return execute(order, lambda _done, _total: None)


def test_files_and_facts_are_in_variables(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        'printf "%s|" "$TRC_INPUT_PEOPLE" "$TRC_INPUT_CLEAN_GOOD" "$TRC_TASK" "$TRC_RUN" "$TRC_RUN_TIME" '
        '"$TRC_IDEMPOTENCY_KEY" "$DECLARED" > "$TRC_OUTPUT_OUTPUT"; pwd',
        inputs=(OrderInput("people", "csv", ("/a b.csv",)), OrderInput("clean.good", "csv", ("/1", "/2"))),
        outputs=(OrderOutput("output", "file", str(tmp_path / "out")),),
        env={"DECLARED": "é"},
    )
    assert result.failure is None
    told = (tmp_path / "out").read_text()
    assert told == "/a b.csv|/1\n/2|export|r7|2026-01-01T00:00:00+00:00|r7/export|é|"
    assert (tmp_path / "log").read_text() == f"{tmp_path}\n"
    assert result.outputs[0].rows is None


def test_a_list_is_run_without_a_shell(tmp_path: Path) -> None:
    assert run(tmp_path, ["printf", "%s", "$HOME; *"]).failure is None
    assert (tmp_path / "log").read_text() == "$HOME; *"


@pytest.mark.parametrize(
    ("command", "retry_on", "told"),
    [
        ("echo so; echo 'not there' >&2; exit 3", (), "unknown exit 3: the command ended with exit code 3: not there"),
        ("exit 3", (3,), "temporary exit 3: the command ended with exit code 3"),
        ("exit 3", (4, 5), "permanent exit 3: the command ended with exit code 3"),
        ("kill -9 $$", (), "unknown signal 137: the command was killed by SIGKILL"),
        ("kill -9 $$", (137,), "temporary signal 137: the command was killed by SIGKILL"),
        (["no-such-program"], (), 'permanent error None: the program "no-such-program" was not found'),
        (["/"], (), 'permanent error None: the program "/" may not be run: Permission denied'),
        ([], (), "permanent error None: the command is empty"),
        ("a\0b", (), 'permanent error None: the program "/bin/sh" cannot be run: embedded null byte'),
    ],
)
def test_failures(tmp_path: Path, command: str | list[str], retry_on: tuple[int, ...], told: str) -> None:
    failure = run(tmp_path, command, retry_on=retry_on).failure
    assert failure is not None
    assert f"{failure.kind} {failure.reason} {failure.exit_code}: {failure.message}" == told


def test_two_names_that_would_be_one_variable_are_refused(tmp_path: Path) -> None:
    inputs = (OrderInput("a-b", "csv", ("/1",)), OrderInput("a.b", "csv", ("/2",)))
    failure = run(tmp_path, "true", inputs=inputs).failure
    assert failure is not None
    assert failure.message == '"a-b" and "a.b" would both be the variable TRC_INPUT_A_B'
