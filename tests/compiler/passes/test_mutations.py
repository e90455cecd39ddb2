"""No precondition of a pass can be lost without a test that notices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.long
def test_each_precondition_is_needed() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, ".ci/mutations.py"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
