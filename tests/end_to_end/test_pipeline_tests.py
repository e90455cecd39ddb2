"""`trc test` as people and CI call it: a folder of pipelines, exit codes, JUnit, and nothing left behind."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.end_to_end.conftest import Space

PIPELINE = """
    pipeline "NAME" {}

    source orders = csv("data/orders.csv")

    task big = sql $$ select order_id from orders where amount > 100 $$ { output = csv("out/NAME.csv") }

    test "small orders are left out" {
      given  orders = [{ order_id = 1, amount = 10 }, { order_id = 2, amount = 200 }]
      expect big    = [{ order_id = EXPECTED }]
    }
"""


def given(space: Space, name: str, expected: str = "2") -> None:
    space.write(f"{name}.trc", PIPELINE.replace("NAME", name).replace("EXPECTED", expected))
    # Only the names and types of its columns are looked at.
    space.write("data/orders.csv", "order_id,amount\n7,1000\n8,2000\n")


def files(space: Space) -> set[str]:
    return {str(path.relative_to(space.root)) for path in space.root.rglob("*")}


def test_a_folder_is_tested_without_its_data_and_without_state(space: Space) -> None:
    given(space, "right")
    given(space, "other")
    before = files(space)
    done = space.trc("test")
    assert [line.rpartition("  ")[0] for line in done.out.splitlines()[:2]] == [
        "passed  other.trc: small orders are left out",
        "passed  right.trc: small orders are left out",
    ]
    assert done.out.splitlines()[2].startswith("2 passed in ")
    assert done.err == ""
    assert files(space) == before


def test_a_test_that_fails_is_told_with_its_rows(space: Space) -> None:
    given(space, "right")
    given(space, "wrong", expected="3")
    done = space.trc("test", ".", "--junit", "junit.xml", code=1)
    assert "failed  wrong.trc: small orders are left out" in done.out
    assert "-         3\n" in done.out
    assert "+         2\n" in done.out
    assert '"big" is not what the test "small orders are left out" expects' in done.err
    suites = ET.parse(space.root / "junit.xml").getroot()
    assert [(one.get("name"), one.get("tests"), one.get("failures")) for one in suites] == [
        ("right", "1", "0"),
        ("wrong", "1", "1"),
    ]
    (failure,) = suites.iter("failure")
    assert failure.get("type") == "TRC641"
    assert "+         2" in (failure.text or "")


def test_a_pipeline_with_a_mistake_keeps_no_other_from_being_tested(space: Space) -> None:
    given(space, "right")
    given(space, "wrong", expected='"x"')
    done = space.trc("test", "--json", "--junit", "junit.xml", code=2)
    assert [(one["file"], one["state"]) for one in done.json["tests"]] == [("right.trc", "passed")]
    assert done.json["files_with_mistakes"] == ["wrong.trc"]
    assert [one["code"] for one in done.json["diagnostics"]] == ["TRC442"]
    suites = ET.parse(space.root / "junit.xml").getroot()
    assert [(one.get("name"), one.get("errors")) for one in suites] == [("right", "0"), ("wrong.trc", "1")]


def test_a_report_that_cannot_be_written_is_told(space: Space) -> None:
    given(space, "right")
    assert '"no/such/folder.xml" cannot be written' in space.trc("test", "--junit", "no/such/folder.xml", code=3).err


def test_no_query_reads_what_lies_around(space: Space) -> None:
    """A location that only the query knows cannot be found before it runs: then DuckDB itself refuses."""
    space.write("data/orders.csv", "order_id\n7\n")
    space.write(
        "p.trc",
        """
        pipeline "p" {}
        task rows_of = sql $$ select count(*) as number from glob('*') $$
        test "sees no files" { expect rows_of = [] }
        """,
    )
    done = space.trc("test", "p.trc", code=1)
    assert "error[TRC640]" in done.err
    assert "disabled by configuration" in done.err
