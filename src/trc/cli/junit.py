"""What came of tests as JUnit XML, which CI services read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from trc.cli.rowdiff import diff_lines
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.render import human
from trc.compiler.diagnostics.render.cells import visible
from trc.testing.report import Tested, TestReport


def junit(report: TestReport) -> str:
    """One suite a pipeline's file; a file with mistakes is a suite whose only case is an error."""
    root = ET.Element("testsuites", {"name": "trc test", "time": _seconds(report.seconds)})
    suites = {file: [one for one in report.tests if one.file == file] for file in _files(report)}
    for file, tests in suites.items():
        suite = ET.SubElement(root, "testsuite", {"name": _text(tests[0].pipeline if tests else file)})
        for one in tests:
            _case(suite, one, report)
        if not tests:
            case = ET.SubElement(suite, "testcase", {"name": _text(file), "classname": _text(file), "time": "0.000"})
            wrong = [one for one in report.diagnostics if one.span is not None and one.span.file == file]
            _add(case, "error", wrong or report.diagnostics, report, ())
        _count(suite, sum(one.seconds for one in tests), file)
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _files(report: TestReport) -> Iterator[str]:
    yield from dict.fromkeys([*(one.file for one in report.tests), *report.wrong])


def _case(suite: ET.Element, one: Tested, report: TestReport) -> None:
    place = {"name": _text(one.name), "classname": _text(one.pipeline), "file": _text(one.file)}
    source = report.sources.get(one.span.file) if one.span else None
    if one.span is not None and source is not None:
        place["line"] = str(source.position(one.span.start).line)
    case = ET.SubElement(suite, "testcase", {**place, "time": _seconds(one.seconds)})
    rows = [
        line
        for compared in one.compared
        if compared.differences
        for line in ("", compared.dataset, *diff_lines(compared, colour=False))
    ]
    match one.state:
        case "passed":
            pass
        case "failed":
            _add(case, "failure", one.diagnostics, report, rows)
        case "wrong":
            _add(case, "error", one.diagnostics, report, rows)


def _add(
    case: ET.Element, kind: str, diagnostics: Sequence[Diagnostic], report: TestReport, rows: Sequence[str]
) -> None:
    errors = [one for one in diagnostics if one.severity == "error"]
    told = ET.SubElement(case, kind, {"type": errors[0].code, "message": _text(errors[0].message)})
    shown = human.render(errors, report.sources, colour=False).rstrip("\n").splitlines()
    told.text = "\n".join(map(_text, [*shown, *rows])) + "\n"


def _count(suite: ET.Element, seconds: float, file: str) -> None:
    suite.set("file", _text(file))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("skipped", "0")
    suite.set("time", _seconds(seconds))


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _text(text: str) -> str:
    """XML has no form for most control characters."""
    return visible(text)
