"""What expectations tell of an attempt that was given secrets holds none of them."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from trc.runtime.taskside.checks import checked
from trc.runtime.taskside.masking import Masker
from trc.runtime.taskside.order import OrderChecks, OrderInput, TaskOrder
from trc.runtime.taskside.result import AttemptResult, Verdict
from trc.runtime.taskside.sealed import masked

MASKER = Masker(["2026-11-26"])


def test_verdicts_are_masked_and_keep_their_names() -> None:
    name = "check(day < '2026-11-26')"
    told = Verdict(
        name, "warn", passed=False, rows=2, failing=1, found="the newest is 2026-11-26", error="'2026-11-26'",
        sample=({"day": "2026-11-26", "of 2026-11-26": ["2026-11-26"], "n": 1},),
    )  # fmt: skip
    (verdict,) = masked(AttemptResult("t", checks=(told,)), MASKER).checks
    assert verdict == Verdict(
        name, "warn", passed=False, rows=2, failing=1, found="the newest is ***", error="'***'",
        sample=({"day": "***", "of ***": ["***"], "n": 1},),
    )  # fmt: skip


def breaks_down(_order: TaskOrder, _checks: OrderChecks, _mask: object) -> NoReturn:
    """Its trace is cut within the secret."""
    raise ValueError("2026-11-26" + "." * 15_993)


def test_a_trace_of_expectations_is_masked_before_it_is_cut(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a\n")
    checks = OrderChecks(f"{__name__}:breaks_down", OrderInput("t", "csv", (str(data),)), str(data))
    order = TaskOrder("r", "p", "t", 1, "t/1", "", str(tmp_path), "", "", "", checks=checks)
    failure, _ = checked(order, checks, MASKER.text)
    assert failure is not None
    assert failure.trace == "r: ***" + "." * 15_993 + "\n"
