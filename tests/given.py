"""Where the files lie that others made: beside a checkout of this repository, or nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]


def given(path: str) -> Path:
    """A file or a folder of them; the test that asks is skipped where there is none."""
    found = next((up / "shared" / path for up in _ROOT.parents if (up / "shared" / path).exists()), None)
    if found is None:
        pytest.skip(f'"../shared/{path}" is not on this machine')
    return found
