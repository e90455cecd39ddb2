"""`trc report`: pages of real runs, read with an HTML parser and held against the journal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.warm import COMMANDS, TRC, Done

from trc.api.reporting import run_account
from trc.cli import exits
from trc.cli.page.page import page
from trc.cli.quantities import count, duration, size
from trc.runtime import shapes
from trc.runtime.spec import NeedSpec, OutputSpec, PipelineSpec, ReadSpec, SkipSpec, TaskSpec
from trc.runtime.store.journal import AttemptRecord, Driver, RunRecord, TaskRecord
from trc.runtime.store.sqlite import SqliteStore

HOSTILE = "<script>alert('x')</script>&\"'<img src=x onerror=alert(1)>"
VOID = {"meta", "br", "link", "img", "input", "hr"}
RUNNING = {"script", "link", "img", "iframe", "object", "embed", "base", "form", "use", "image", "foreignobject"}
ASKING = {"src", "href", "xlink:href", "action", "data", "poster", "srcset", "style"}
"""Elements and attributes that would have a browser fetch or run something."""

SHOP = """
name: shop
sources: {orders: {csv: "in/<b>orders.csv", columns: {id: bigint, amount: double}}}
nodes:
  - id: paid
    type: duckdb_sql
    params: {sql: "select id, amount from orders where amount > 0", output_uri: out/paid.csv}
    expect: [{not_null: id}, {check: "amount < 100", severity: warn}]
  - id: flaky
    type: python
    params: {entrypoint: "tasks.py:flaky", inputs: [paid]}
    retries: {max_attempts: 3, initial_delay_seconds: 0.2, jitter: none}
  - id: boom
    type: python
    params: {entrypoint: "tasks.py:boom"}
    needs: [flaky]
  - id: after
    type: python
    params: {entrypoint: "tasks.py:flaky"}
    needs: [boom]
"""
TASKS = f"""
from pathlib import Path

def flaky(ctx):
    mark = Path("tried")
    if not mark.exists():
        mark.write_text("")
        raise RuntimeError("not yet")

def boom(ctx):
    raise RuntimeError({HOSTILE!r} + "\\nsecond line")
"""


@dataclass
class Page(HTMLParser):
    """What stands on a page: its elements as they nest, its tables by caption, its text."""

    stack: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    caption: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)
        if tag == "tr":
            self.tables[self.caption].append([])
        if tag in {"td", "th"}:
            self.tables[self.caption][-1].append("")
        if tag == "title":
            self.titles.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.stack[-1:] == ["caption"]:
            self.caption = data
            self.tables[data] = []
        elif {"td", "th"} & set(self.stack):
            self.tables[self.caption][-1][-1] += data
        elif self.stack[-1:] == ["style"]:
            self.styles.append(data)
        elif self.stack[-1:] == ["title"]:
            self.titles[-1] += data

    def classes(self, tag: str) -> list[str]:
        return [str(attributes.get("class") or "") for name, attributes in self.tags if name == tag]


def read(text: str) -> Page:
    found = Page()
    found.feed(text)
    found.close()
    assert found.stack == []
    return found


def asks_for_nothing(found: Page) -> None:
    assert not RUNNING & {tag for tag, _ in found.tags}
    attributes = {name for _, given in found.tags for name in given}
    assert not ASKING & attributes
    assert not any(name.startswith("on") for name in attributes)
    styles = "".join(found.styles)
    assert styles
    assert not re.search(r"@import|url\(", styles)


def trc(folder: Path, *arguments: str) -> Done:
    done = COMMANDS.run(arguments, folder)
    assert "bug in trc" not in done.err, done.err
    return done


def rows_of(found: Page) -> dict[str, dict[str, str]]:
    heads, *rows = found.tables["Tasks"]
    return {row[0].removesuffix(" critical path"): dict(zip(heads, row, strict=True)) for row in rows}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after three runs: one that failed, one that failed in less, one that had only something to skip."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "in").mkdir()
    (folder / "in" / "<b>orders.csv").write_text("id,amount\n1,10\n2,200\n3,-1\n")
    (folder / "shop.yaml").write_text(SHOP)
    (folder / "tasks.py").write_text(TASKS)
    assert trc(folder, "run", "shop.yaml").code == exits.FAILED
    assert trc(folder, "run", "shop.yaml").code == exits.FAILED
    assert trc(folder, "run", "shop.yaml", "--select", "paid").code == exits.OK
    return folder


def runs_of(folder: Path) -> list[str]:
    return [one["id"] for one in reversed(trc(folder, "runs", "--json").json["runs"])]


def status_of(folder: Path, run: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = trc(folder, "status", run, "--json").json
    return document


def attempts_of(folder: Path, run: str) -> list[AttemptRecord]:
    with SqliteStore(folder / ".trc" / "state.db") as store:
        return store.attempts(run)


def test_the_page_asks_for_nothing_and_is_well_formed(ran: Path) -> None:
    done = trc(ran, "report", runs_of(ran)[0][:14], "-o", "-")
    assert done.code == exits.OK, done.err
    found = read(done.out)
    asks_for_nothing(found)
    assert ("html", {"lang": "en"}) in found.tags
    assert all(
        attributes.get("role") == "img" and attributes["aria-label"] for tag, attributes in found.tags if tag == "svg"
    )
    assert all(attributes["scope"] in {"col", "row"} for tag, attributes in found.tags if tag == "th")
    assert "prefers-color-scheme: dark" in done.out
    assert "@media print" in done.out


def test_the_table_says_what_the_journal_holds(ran: Path) -> None:
    run = runs_of(ran)[0]
    told, journal = rows_of(read(trc(ran, "report", run, "-o", "-").out)), status_of(ran, run)
    assert list(told) == [one["task"] for one in journal["tasks"]] == ["paid", "flaky", "boom", "after"]
    for task in journal["tasks"]:
        row = told[task["task"]]
        attempts = [one for one in attempts_of(ran, run) if one.task == task["task"]]
        assert row["state"] == task["state"]
        assert row["attempts"] == (str(len(attempts)) if attempts else "")
        if attempts:
            results = [one.result or {} for one in attempts]
            began, ended = attempts[0].started_at, attempts[-1].ended_at
            assert began is not None
            assert ended is not None
            assert row["took"] == duration(ended - began)
            assert row["CPU"] == duration(sum(one["cpu_seconds"] for one in results))
            assert row["peak memory"] == size(max(one["peak_memory"] for one in results))
    assert (told["paid"]["rows"], told["paid"]["why"]) == (count(2), "it has never succeeded before")
    assert told["paid"]["bytes"] == size((ran / "out/paid.csv").stat().st_size)
    assert "not_null(id): passed" in told["paid"]["expectations"]
    assert re.search(r"1 of 2 rows.*\(warns\)", told["paid"]["expectations"])
    assert told["flaky"]["attempts"] == "2"
    assert told["after"]["why"] == "blocked by boom, which failed"
    assert told["boom"]["error"] == f"RuntimeError: {HOSTILE}"


def test_attempts_are_drawn_with_what_was_waited_for(ran: Path) -> None:
    run = runs_of(ran)[0]
    found = read(trc(ran, "report", run, "-o", "-").out)
    bars = [one.removeprefix("bar ") for one in found.classes("rect") if one.startswith("bar ")]
    assert bars == [one.state for one in attempts_of(ran, run)] == ["success", "failure", "success", "failure"]
    first, second = (one for one in attempts_of(ran, run) if one.task == "flaky")
    assert first.ended_at is not None
    assert second.started_at is not None
    assert f"flaky: waited {duration(second.started_at - first.ended_at)}" in found.titles
    assert any(one.startswith("flaky, attempt 2: success, ") for one in found.titles)


def test_the_picture_is_that_of_the_run_with_its_states(ran: Path) -> None:
    found = read(trc(ran, "report", runs_of(ran)[0], "-o", "-").out)
    nodes = {
        str(attributes["data-id"]): str(attributes["class"])
        for tag, attributes in found.tags
        if tag == "g" and "data-id" in attributes
    }
    assert nodes["task:paid"] == "node task success marked"
    assert nodes["task:after"] == "node task upstream_failed"
    assert nodes["sink:paid.output"] == "node sink"
    edges = {
        (str(one["data-from"]), str(one["data-to"])): str(one["class"]) for _, one in found.tags if "data-from" in one
    }
    assert edges["task:flaky", "task:boom"] == "edge order marked"
    assert edges["task:boom", "task:after"] == "edge order"
    assert edges[f"source:{ran}/in/<b>orders.csv", "task:paid"] == "edge"


def test_the_critical_path_adds_up_to_the_run(ran: Path) -> None:
    run = runs_of(ran)[0]
    _, *rows = read(trc(ran, "report", run, "-o", "-").out).tables["Critical path"]
    assert [one[0] for one in rows[:3]] == ["paid", "flaky", "boom"]
    assert sum(float(one[3].rstrip("%")) for one in rows) == pytest.approx(100, abs=0.3)
    document = trc(ran, "report", run, "--json").json
    seconds = sum(one["waited_seconds"] + one["seconds"] for one in document["critical_path"])
    assert 0 < seconds <= document["run"]["seconds"]


def test_what_was_skipped_is_told_with_its_reason(ran: Path) -> None:
    _, second, last = runs_of(ran)
    skipped = rows_of(read(trc(ran, "report", last, "-o", "-").out))
    assert list(skipped) == ["paid"]
    assert (skipped["paid"]["state"], skipped["paid"]["rows"], skipped["paid"]["attempts"]) == ("skipped", "", "")
    assert skipped["paid"]["why"].startswith("up to date: ")
    again = rows_of(read(trc(ran, "report", second, "-o", "-").out))
    assert again["flaky"]["why"].startswith("it always runs: ")


def test_changes_are_told_with_both_values(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        "name: one\nnodes:\n  - {id: a, type: duckdb_sql, params: {sql: \"select '<i>1' as x\"}}\n"
    )
    assert trc(tmp_path, "run", "one.yaml").code == exits.OK
    (tmp_path / "one.yaml").write_text(
        "name: one\nnodes:\n  - {id: a, type: duckdb_sql, params: {sql: \"select '<i>2' as x\"}}\n"
    )
    assert trc(tmp_path, "run", "one.yaml").code == exits.OK
    why = rows_of(read(trc(tmp_path, "report", "-o", "-").out))["a"]["why"]
    assert why == "changed since it last succeeded: sqlsql select '<i>1' as xselect '<i>2' as x"


def test_the_file_is_named_after_the_run_and_written_whole_or_not_at_all(ran: Path, tmp_path: Path) -> None:
    run = runs_of(ran)[-1]
    done = trc(tmp_path, "report", "--project", str(ran))
    assert done.err == f"written to report-{run}.html\n"
    assert [one.name for one in tmp_path.iterdir()] == [f"report-{run}.html"]
    read((tmp_path / f"report-{run}.html").read_text())
    refused = trc(tmp_path, "report", "--project", str(ran), "-o", "nowhere/report.html")
    assert refused.code == exits.WRONG_USAGE
    assert '"nowhere/report.html" cannot be written' in refused.err
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("run", "said"), [("zz", 'no single run has an id that begins with "zz"'), ("1", 'that begins with "1"')]
)
def test_a_run_that_is_not_one_is_refused(ran: Path, run: str, said: str) -> None:
    done = trc(ran, "report", run)
    assert done.code == exits.WRONG_USAGE
    assert "TRC609" in done.err
    assert said in done.err


def test_no_run_at_all_is_refused(tmp_path: Path) -> None:
    done = trc(tmp_path, "report", "--json")
    assert done.code == exits.WRONG_USAGE
    assert done.json["diagnostics"][0]["code"] == "TRC609"


def _put(folder: Path, run: RunRecord, tasks: list[TaskRecord], attempts: list[AttemptRecord]) -> None:
    with SqliteStore(folder / ".trc" / "state.db") as store:
        store.enrol(Driver("driver", "elsewhere", "boot", 1, 1), run.created_at)
        with store.transaction() as change:
            change.put_run(run)
            change.put_tasks(tasks)
            change.put_attempts(attempts)


def test_names_of_any_characters_are_text_and_nothing_else(tmp_path: Path) -> None:
    """Names are checked before a run today; what the journal holds is told all the same."""
    name, other = HOSTILE, "b\x00\udcff\u202e</text></svg>"
    spec = PipelineSpec(
        HOSTILE, "f", str(tmp_path),
        (
            TaskSpec(name, HOSTILE, "r", (), SkipSpec(can_skip=False), reads=(ReadSpec(HOSTILE, "csv", uri=HOSTILE),)),
            TaskSpec(
                other, "shell", "r", (), SkipSpec(can_skip=False),
                needs=(NeedSpec(name),), outputs=(OutputSpec("output", "csv", "/out/<b>"),),
            ),
        ),
        "d1",
    )  # fmt: skip
    shapes.keep(tmp_path / ".trc", spec)
    run = RunRecord("r1", HOSTILE, HOSTILE, "d1", HOSTILE, "driver", 100.0, "failure", 110.0)
    reason = {"code": "changed", "changes": [[HOSTILE, HOSTILE, None]]}
    _put(
        tmp_path,
        run,
        [
            TaskRecord("r1", name, "failure", 1, reason=reason, error={"message": HOSTILE}, started_at=101.0, ended_at=102.0),
            TaskRecord("r1", other.replace("\udcff", ""), "upstream_failed", blocked_by=HOSTILE),
        ],
        [AttemptRecord("r1", name, 1, "t", "failure", "", 100.5, 101.0, 102.0, {"checks": []})],
    )  # fmt: skip
    text = page(run_account(tmp_path))
    found = read(text)
    asks_for_nothing(found)
    first, second = rows_of(found).items()
    assert first[0] == first[1]["error"] == HOSTILE
    assert second[0] == "b␀<U+202E></text></svg>"
    assert f"{HOSTILE}: run r1" in found.titles
    assert text.encode()


def test_a_run_that_goes_on_is_told_as_far_as_it_is_known(tmp_path: Path) -> None:
    _put(
        tmp_path,
        RunRecord("r1", "shop", "shop.yaml", "unknown", "2026-01-01T00:00:00+00:00", "driver", 100.0),
        [TaskRecord("r1", "a", "running", 1, started_at=101.0), TaskRecord("r1", "b", "waiting")],
        [AttemptRecord("r1", "a", 1, "t", "running", "", 100.5, 101.0)],
    )
    done = trc(tmp_path, "report", "-o", "-")
    assert done.code == exits.OK, done.err
    told = rows_of(read(done.out))
    assert (told["a"]["state"], told["b"]["state"]) == ("running", "waiting")
    assert "but its process has died" in done.out
    assert "so far" in done.out
    assert "What the tasks waited for was not kept of this run" in done.out
    assert trc(tmp_path, "report", "--json").json["needs"] is None


def test_a_run_can_be_told_while_it_goes_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    (tmp_path / "w.yaml").write_text(
        "name: w\nnodes:\n  - {id: a, type: shell, params: {command: cat gate}}\n"
        "  - {id: b, type: shell, params: {command: 'true'}, needs: [a]}\n"
    )
    with subprocess.Popen(
        [*TRC, "run", "w.yaml"], cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as run:
        gate = os.open(tmp_path / "gate", os.O_WRONLY)
        try:
            text = trc(tmp_path, "report", "-o", "-").out
        finally:
            os.close(gate)
        assert run.wait(60) == exits.OK
    told = rows_of(read(text))
    assert told["a"]["state"] in {"claimed", "running"}
    assert told["b"]["state"] == "waiting"
    assert "as known when this report was written" in text
    assert "so far" in text


def test_two_thousand_tasks_are_a_page_of_sane_size(tmp_path: Path) -> None:
    names = [f"task_{number:04d}" for number in range(2000)]
    specs = tuple(
        TaskSpec(
            name, "duckdb_sql", "r", (), SkipSpec(can_skip=True),
            needs=tuple(NeedSpec(names[number - back], data=True) for back in (40, 41) if number >= back),
        )
        for number, name in enumerate(names)
    )  # fmt: skip
    shapes.keep(tmp_path / ".trc", PipelineSpec("big", "big.yaml", str(tmp_path), specs, "d1"))
    result = {"cpu_seconds": 0.1, "peak_memory": 5_000_000, "outputs": [{"rows": 10, "size": 100}], "checks": []}
    _put(
        tmp_path,
        RunRecord("r1", "big", "big.yaml", "d1", "2026-01-01T00:00:00+00:00", "driver", 100.0, "success", 300.0),
        [
            TaskRecord("r1", name, "success", 1, reason={"code": "first"}, started_at=at, ended_at=at + 1)
            for number, name in enumerate(names)
            if (at := 100.0 + number // 40)
        ],
        [
            AttemptRecord("r1", name, 1, f"t{number}", "success", "log", at, at, at + 1, result)
            for number, name in enumerate(names)
            if (at := 100.0 + number // 40)
        ],
    )
    began = time.process_time()
    text = page(run_account(tmp_path))
    assert time.process_time() - began < 20
    assert len(text.encode()) < 5_000_000
    assert len(rows_of(read(text))) == 2000
    assert len(run_account(tmp_path).path) == 50


def test_the_document_holds_what_the_page_shows(ran: Path) -> None:
    run = runs_of(ran)[0]
    document = trc(ran, "report", run, "--json").json
    assert document["run"] == status_of(ran, run)["run"]
    assert document["needs"] == {"paid": [], "flaky": ["paid"], "boom": ["flaky"], "after": ["boom"]}
    assert [one["type"] for one in document["tasks"]] == ["duckdb_sql", "python", "python", "python"]
    assert trc(ran, "report", run, "--json", "-o", "facts.json").out == ""
    assert json.loads((ran / "facts.json").read_text()) == document
