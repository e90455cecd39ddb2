"""A log that stays open from one attempt to the next holds what its own attempt printed, whatever the tasks do to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: descriptors 1 and 2 are what it is about.
RUN = """
import os, sys
from trc.runtime.taskside.capture import Blank
blank = Blank(".blank-1")
def attempt(number, code):
    with blank.capture(f"{sys.argv[1]}/{number}.log"):
        exec(code)
for number, code in enumerate(sys.argv[2:]):
    if code.startswith("between: "):
        exec(code.removeprefix("between: "))
    else:
        attempt(number, code)
blank.drop()
"""
ALONE = """
import sys
from trc.runtime.taskside.capture import captured
with captured(sys.argv[1]):
    pass
"""
SPEAK = "print('own'); os.write(2, b'words\\n')"


def logs(folder: Path, *steps: str) -> dict[str, str]:
    """What lies in the folder after attempts that ran these steps, and what happened between them."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder), *steps], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_text() for path in folder.iterdir() if path.name != "elsewhere"}


@pytest.mark.parametrize(
    "step",
    [
        pytest.param("pass", id="prints nothing"),
        pytest.param("between: os.write(1, b'late')", id="something that was left behind prints later"),
        pytest.param("os.dup2(os.open('elsewhere', os.O_WRONLY | os.O_CREAT), 1)", id="points output elsewhere"),
        pytest.param("os.close(1); os.close(2)", id="closes output"),
        pytest.param("sys.stdout = sys.stderr = None", id="takes the streams away"),
        pytest.param("os.close(2); os.dup2(os.open('/dev/null', os.O_WRONLY), 2)", id="silences its errors"),
    ],
)
def test_the_next_attempt_has_a_log_of_its_own(tmp_path: Path, step: str) -> None:
    assert logs(tmp_path, "pass", step, SPEAK, "pass") == {"2.log": "own\nwords\n"}


@pytest.mark.parametrize(
    "step",
    [
        pytest.param("os.closerange(3, 4096)", id="closed"),
        pytest.param("os.closerange(3, 4096); [os.dup2(0, n) for n in range(512, 530)]", id="taken by another file"),
    ],
)
def test_a_log_is_kept_and_renewed_when_its_descriptor_is_gone(tmp_path: Path, step: str) -> None:
    check = "between: [os.fstat(n) for n in range(512, 530)]" if "dup2" in step else "pass"
    assert logs(tmp_path, "pass", f"{SPEAK}; {step}", check, SPEAK) == {
        "1.log": "own\nwords\n",
        "3.log": "own\nwords\n",
    }


def test_a_log_that_is_there_is_added_to(tmp_path: Path) -> None:
    (tmp_path / "1.log").write_text("before\n")
    assert logs(tmp_path, "pass", SPEAK, SPEAK) == {"1.log": "before\nown\nwords\n", "2.log": "own\nwords\n"}


def test_what_is_printed_after_a_log_was_written_does_not_reach_the_next(tmp_path: Path) -> None:
    assert logs(tmp_path, SPEAK, "between: os.write(1, b'late\\n')", SPEAK) == {
        "0.log": "own\nwords\nlate\n",
        "2.log": "own\nwords\n",
    }


def test_only_an_empty_file_is_removed(tmp_path: Path) -> None:
    """A log can be a device or a pipe: those have no size, and are not ours."""
    empty, device = tmp_path / "empty.log", tmp_path / "device"
    device.symlink_to("/dev/null")
    for log in (empty, device):
        subprocess.run([sys.executable, "-c", ALONE, str(log)], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["device"]
