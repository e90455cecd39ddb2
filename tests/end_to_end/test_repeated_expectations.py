"""Expectations of repeated tasks: of each item before it is published, of all items together before readers find them."""

from __future__ import annotations

import json
from typing import Any

import pytest

PIPELINE = """
    pipeline "shop" {}

    source sales = csv("sales.csv")
    source shops = csv("shops.csv")

    task each = sql $$ select region, shop, amount from sales where region = {{ item }} $$ {
      for_each = ITEMS
      output = "out/{{ item }}.csv"
      expect { EXPECT }
    }

    task report = sql $$ select region, sum(amount) as total from each group by all order by all $$ { output = "out/report.csv" }
    """
SALES = "region,shop,amount\neu,1,1.5\nus,2,2.5\neu,3,4.0\nus,4,1.0\n"


def _write(space: Any, expect: str, items: str = '["eu", "us"]', sales: str = SALES) -> None:
    space.write("p.trc", PIPELINE.replace("ITEMS", items).replace("EXPECT", expect))
    space.write("sales.csv", sales)
    space.write("shops.csv", "id\n1\n2\n3\n4\n")
    space.age()


def _states(space: Any, *options: str, code: int = 0) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", *options, code=code).json
    return {one["task"]: one["state"] for one in report["tasks"]}


def _verdicts(space: Any, task: str) -> dict[str, bool]:
    *_, last = space.trc("explain", task, "--json").json["attempts"]
    return {one["name"]: one["passed"] for one in last["expectations"]}


@pytest.mark.parametrize(
    ("expect", "found"),
    [
        ("not_null(amount)", "1 of 2 rows has no value"),
        ("check $$ each.amount > 1 $$", "1 of 2 rows breaks it"),
        ("accepted_values(column = shop, values = [1, 2, 3])", "1 of 2 rows holds another value"),
        ("relationships(column = shop, to = shops, field = id)", '1 of 2 rows names what is not in "shops"'),
    ],
    ids=["not_null", "check", "accepted_values", "relationships"],
)
def test_an_item_whose_rows_break_an_expectation_publishes_nothing(space: Any, expect: str, found: str) -> None:
    bad = {"not_null": "us,4,", "check": "us,4,1.0", "accepted": "us,4,9", "relation": "us,9,9"}
    line = next(line for check, line in bad.items() if expect.startswith(check))
    _write(space, expect, sales=f"region,shop,amount\neu,1,1.5\nus,2,2.5\neu,3,4.0\n{line}\n")
    done = space.trc("run", "p.trc", code=1)
    assert f'task "each[us]" failed: {expect[:5]}' in done.err
    assert found in done.err
    assert "p.trc:9:12" in done.err
    assert sorted(path.name for path in (space.root / "out").iterdir()) == ["eu.csv"]
    assert "blocked by each[us], which failed" in space.trc("explain", "report").out


@pytest.mark.parametrize(
    ("expect", "found"),
    [
        ("unique(shop)", "2 of 4 rows share a value with another"),
        ("row_count(max = 3)", "there are 4 rows, and at most 3 are allowed"),
        ("relationships(column = shop, to = each, field = amount)", '2 of 4 rows name what is not in "each"'),
    ],
    ids=["unique", "row_count", "relationships"],
)
def test_what_all_items_break_together_keeps_readers_from_them(space: Any, expect: str, found: str) -> None:
    _write(space, expect, sales=SALES.replace("us,4,", "us,1,"))
    done = space.trc("run", "p.trc", code=1)
    assert f'task "each[*]" failed: {expect.partition("(")[0]}' in done.err
    assert found in done.err
    assert "who reads it does not run" in done.err
    assert not (space.root / "out/report.csv").exists()
    states = {one["task"]: one["state"] for one in space.trc("status", "--json").json["tasks"]}
    assert states == {
        "each": "upstream_failed",
        "each[eu]": "success",
        "each[us]": "success",
        "each[*]": "failure",
        "report": "upstream_failed",
    }
    letters = space.trc("dlq", "list", "--json").json["letters"]
    assert [one["task"] for one in letters] == ["each[*]"]
    _write(space, expect.replace("3)", "4)").replace("amount)", "shop)"))
    assert _states(space)["report"] == "success"


def test_rows_of_each_item_are_unique_only_together(space: Any) -> None:
    """One item alone would pass: that all are looked at is what is tested."""
    _write(space, "unique(shop)", items='["eu"]', sales=SALES.replace("us,4,", "us,1,"))
    assert _states(space)["each[*]"] == "success"


def test_what_has_passed_is_not_checked_again_and_what_is_new_is_checked_alone(space: Any) -> None:
    _write(space, "unique(shop), not_null(shop)".replace(", ", "\n"))
    assert _states(space)["each[*]"] == "success"
    assert _verdicts(space, "each[eu]") == {"not_null(shop)": True}
    assert _verdicts(space, "each[*]") == {"unique(shop)": True}
    assert "of all items together, attempt 1: success" in space.trc("explain", "each").out
    assert _states(space) == {"each": "skipped", "report": "skipped"}
    _write(space, "unique(shop)\nnot_null(shop)\nrow_count(4)")
    assert "only its expectations are checked" in space.trc("plan", "p.trc").out
    states = _states(space)
    assert {states["each[eu]"], states["each[us]"], states["report"]} == {"skipped"}
    assert states["each[*]"] == "success"
    _write(space, "unique(shop)\nnot_null(shop)\nrow_count(4)\nnot_null(amount)")
    states = _states(space)
    assert {states["each[*]"], states["report"]} == {"skipped"}
    assert _verdicts(space, "each[us]") == {"not_null(shop)": True, "not_null(amount)": True}


def test_fewer_items_are_other_rows(space: Any) -> None:
    _write(space, "row_count(min = 3)")
    assert _states(space)["each[*]"] == "success"
    _write(space, "row_count(min = 3)", items='["eu"]')
    assert _states(space, code=1)["each[*]"] == "failure"


def test_freshness_is_due_in_each_run(space: Any) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" {}
        task each = sql $$ select {{ item }} as n, timestamp '2026-01-01' as at $$ {
          for_each = [1, 2]
          expect { freshness(column = at, max_age = 25h) }
        }
        """,
    )
    assert _states(space, "--at", "2026-01-02")["each[*]"] == "success"
    assert _states(space, "--at", "2026-01-04", code=1) == {
        "each": "upstream_failed",
        "each[1]": "skipped",
        "each[2]": "skipped",
        "each[*]": "failure",
    }


def test_a_warning_publishes_and_says_which_item(space: Any) -> None:
    _write(
        space, "check($$ amount > 1 $$, severity = warn, store_failures = true)\nrow_count(max = 1, severity = warn)"
    )
    done = space.trc("run", "p.trc")
    assert 'in the data of "each[us]": check(amount > 1): 1 of 2 rows breaks it' in done.err
    assert 'in the data of "each[*]": row_count(..1): there are 4 rows' in done.err
    assert space.read("out/report.csv") == "region,total\neu,5.5\nus,3.5\n"
    (kept,) = (space.root / ".trc/failures").rglob("*.parquet")
    assert kept.parent.name == "each@us"


def test_no_items_have_no_rows(space: Any) -> None:
    _write(space, "row_count(min = 1)\nnot_null(shop)", items="[]")
    text = space.read("p.trc")
    space.write(
        "p.trc",
        text.replace("for_each = []", "for_each = []\n  columns { region: varchar, shop: bigint, amount: double }"),
    )
    done = space.trc("run", "p.trc", code=1)
    assert "row_count(1..): there are 0 rows, and at least 1 is wanted" in done.err
    space.write("p.trc", space.read("p.trc").replace("row_count(min = 1)", "row_count(0)"))
    assert _states(space) == {"each": "success", "each[*]": "success", "report": "success"}


def test_an_item_that_was_omitted_is_none_of_the_rows(space: Any) -> None:
    _write(space, "row_count(2)")
    space.write("p.trc", space.read("p.trc").replace("expect {", 'when = item == "eu"\n  expect {'))
    states = _states(space)
    assert (states["each[us]"], states["each[*]"], states["report"]) == ("omitted", "success", "success")


def test_items_of_rows_are_held_to_expectations(space: Any) -> None:
    _write(space, "row_count(3)\nnot_null(region)", items="regions.rows")
    text = space.read("p.trc").replace("{{ item }}", "{{ item.region }}")
    space.write("p.trc", text + "task regions = sql $$ select distinct region from sales order by all $$\n")
    assert _states(space, code=1)["each[*]"] == "failure"
    space.write("p.trc", space.read("p.trc").replace("row_count(3)", "row_count(4)"))
    assert _states(space)["report"] == "success"
    assert _states(space) == dict.fromkeys(("regions", "each", "report"), "skipped")


def test_a_retry_holds_the_rows_to_what_they_broke(space: Any) -> None:
    _write(space, "unique(shop)", sales=SALES.replace("us,4,", "us,1,"))
    assert _states(space, code=1)["each[*]"] == "failure"
    report = space.trc("retry", "latest", "--json", code=1).json
    attempts = {one["task"]: (one["state"], one["attempt"]) for one in report["tasks"]}
    assert attempts["each[*]"] == ("failure", 2)
    assert attempts["each[eu]"] == ("success", 1)


def test_lineage_tells_what_was_found_of_each_item_and_of_all(space: Any) -> None:
    _write(space, "unique(shop)\nnot_null(shop)")
    space.trc("run", "p.trc", "--openlineage", "events")
    told = [json.loads(line) for line in space.read("events").splitlines()]
    found = {
        (out["name"].rpartition("/")[2], one["assertion"], one["success"], one["column"])
        for event in told
        if event["eventType"] == "COMPLETE"
        for out in event["outputs"]
        for one in out["facets"].get("dataQualityAssertions", {}).get("assertions", ())
    }
    assert found == {
        ("eu.csv", "not_null", True, "shop"),
        ("us.csv", "not_null", True, "shop"),
        ("shop.each", "unique", True, "shop"),
    }
    told_of_run = space.trc("lineage", "run").out
    assert "each[*]: attempt 1" in told_of_run
    assert "its author declares nothing" not in told_of_run
