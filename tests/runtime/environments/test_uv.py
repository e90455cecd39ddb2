"""What uv says of a failure, in either of its forms."""

from __future__ import annotations

import pytest

from trc.runtime.environments.uv import told_by

PLAIN = """error: No solution found when resolving dependencies for split (markers: python_full_version < '3.13')
  cause: Because duckdb==0.9.2 has no usable wheels and you require duckdb==0.9.2, we can conclude that your requirements are unsatisfiable.

hint: Wheels are required for `duckdb` because building from source is disabled
"""
DRAWN = """  × No solution found when resolving dependencies for split (markers:
  │ python_full_version < '3.13'):
  ╰─▶ Because duckdb==0.9.2 has no usable wheels and you require
      duckdb==0.9.2, we can conclude that your requirements are unsatisfiable.

      hint: Wheels are required for `duckdb` because building from source is
      disabled
"""  # noqa: RUF001 - as uv draws it


@pytest.mark.parametrize("text", [PLAIN, DRAWN], ids=["plain", "drawn"])
def test_sentences_are_those_of_the_reason(text: str) -> None:
    assert told_by(text) == (
        "Because duckdb==0.9.2 has no usable wheels and you require duckdb==0.9.2.",
        "Wheels are required for `duckdb` because building from source is disabled",
    )


def test_credentials_are_left_out() -> None:
    told = told_by("error: Failed to fetch: `https://me:s3cret@example.com/simple/six/`\n  cause: dns error\n")
    assert told == ("Failed to fetch: `https://example.com/simple/six/`", "dns error")
