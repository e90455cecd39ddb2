"""What was compiled on one day is not planned with on the next, and stands no longer than its day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trc import api
from trc.compiler.choices import Choices
from trc.runtime import standing
from trc.settings import settings_for

PIPELINE = """
name: p
schedule: {cron: "0 2 * * *", timezone: Asia/Tokyo}
nodes:
  - id: a
    type: duckdb_sql
    params: {sql: "select WHAT as d"}
"""


def prepared(path: Path, now: datetime) -> api.Ready:
    return api.prepare(path, settings_for(path), Choices(), now)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Files count as settled at once.
    monkeypatch.setattr(standing, "_SETTLED_NS", -1_000_000_000_000)
    return tmp_path / "p.yaml"


def test_date_of_another_day_is_compiled_anew(path: Path) -> None:
    path.write_text(PIPELINE.replace("WHAT", "{{ run.date }}"))
    now = datetime.now(UTC)
    first = prepared(path, now)
    assert first.compiled is not None
    again = prepared(path, now)
    assert (again.compiled, again.spec) == (None, first.spec)
    later = prepared(path, now + timedelta(days=1))
    assert later.spec != first.spec
    assert later.logical_time > first.logical_time


def test_answer_with_a_date_ends_with_the_day_of_its_zone(path: Path) -> None:
    path.write_text(PIPELINE.replace("WHAT", "{{ run.date }}"))
    facts = prepared(path, datetime(2026, 1, 31, 14, 59, tzinfo=UTC)).facts
    assert facts is not None
    assert facts.expires == datetime(2026, 1, 31, 15, tzinfo=UTC).timestamp()


def test_what_holds_no_time_is_kept_over_days(path: Path) -> None:
    path.write_text(PIPELINE.replace("WHAT", "1"))
    now = datetime.now(UTC)
    first = prepared(path, now)
    later = prepared(path, now + timedelta(days=1))
    assert (later.compiled, later.spec) == (None, first.spec)
    assert later.logical_time > first.logical_time


def test_what_reads_the_time_is_not_kept(path: Path) -> None:
    path.write_text(PIPELINE.replace("WHAT", "{{ run.time }}"))
    now = datetime.now(UTC)
    assert prepared(path, now).facts is None
    assert prepared(path, now).compiled is not None
