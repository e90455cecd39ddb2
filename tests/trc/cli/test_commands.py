"""Every command end to end: the real `trc`, in the project that `trc init` writes."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.warm import COMMANDS, Done

from trc.cli import exits
from trc.cli.files import create_all
from trc.cli.starter import Language, files_of, pipeline_of


def trc(folder: Path, *arguments: str, **environ: str) -> Done:
    """Runs the command in a folder; wherever it stands, a traceback on the screen is wrong."""
    done = COMMANDS.run(arguments, folder, environ)
    assert not re.search(r"^Traceback", done.out + done.err, re.MULTILINE)
    assert "bug in trc" not in done.err, done.err
    return done


def settled_shop(folder: Path) -> Path:
    """The starter project in YAML, its files old enough to be trusted."""
    create_all(folder, files_of("yaml"))
    for path in folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return settled_shop(tmp_path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter project after two runs, the second of which skipped all; to be read only."""
    folder = settled_shop(tmp_path_factory.mktemp("ran"))
    assert trc(folder, "run", "shop.yaml").code == exits.OK
    assert trc(folder, "run", "shop.yaml").code == exits.OK
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("language", ["trc", "yaml"])
def test_init_writes_a_project_that_checks_and_runs(tmp_path: Path, language: Language) -> None:
    pipeline = f"new/shop/{pipeline_of(language)}"
    made = trc(tmp_path, "init", "new/shop", *([] if language == "trc" else ["--language", language]))
    assert made.code == exits.OK
    assert f"trc run {pipeline}" in made.out
    assert all((tmp_path / "new/shop" / name).is_file() for name in files_of(language))
    assert trc(tmp_path, "check", "new").out == "1 file checked: no mistakes\n"
    assert trc(tmp_path, "fmt", "--check", pipeline).code == exits.OK
    ran = trc(tmp_path, "run", pipeline)
    assert ran.code == exits.OK, ran.err
    assert (tmp_path / "new/shop/out/page.md").read_text() == (
        "# Revenue\n\n- grace: 390.00 (orders: 2)\n- ada: 130.49 (orders: 2)\n"
        "- linus: 42.90 (orders: 1)\n- barbara: 28.40 (orders: 1)\n"
    )


def test_init_writes_the_same_pipeline_in_either_language(tmp_path: Path) -> None:
    trc(tmp_path, "init")
    create_all(tmp_path, {"shop.yaml": files_of("yaml")["shop.yaml"]})
    first, second = (trc(tmp_path, "compile", name, "--emit", "ir") for name in ("shop.trc", "shop.yaml"))
    assert first.code == exits.OK
    assert first.out == second.out


def test_init_overwrites_nothing(shop: Path) -> None:
    (shop / "shop.yaml").write_text("mine")
    (shop / "trc.toml").unlink()
    again = trc(shop, "init", "--language", "yaml")
    assert again.code == exits.WRONG_USAGE
    assert "nothing was written" in again.err
    assert (shop / "shop.yaml").read_text() == "mine"
    assert not (shop / "trc.toml").exists()


def test_a_run_tells_what_it_made_and_a_second_one_why_it_made_nothing(shop: Path) -> None:
    first = trc(shop, "run", "shop.yaml")
    assert first.code == exits.OK, first.err
    assert [line.split()[:2] for line in first.err.splitlines()[1:]] == [
        ["done", "paid"],
        ["done", "revenue"],
        ["done", "page"],
    ]
    assert re.search(r"^shop: success in .*: 3 ran$", first.out, re.MULTILINE)
    assert re.search(r"^  out/revenue.csv +4 rows +\d+ B$", first.out, re.MULTILINE)
    assert re.search(r"^  out/page.md +\d+ B$", first.out, re.MULTILINE)
    second = trc(shop, "run", "shop.yaml")
    assert second.code == exits.OK
    assert [line.split(maxsplit=2)[0] for line in second.err.splitlines()[1:]] == ["skipped"] * 3
    assert all("up to date" in line for line in second.err.splitlines()[1:])
    assert ": 3 skipped" in second.out


def test_a_run_as_json_keeps_its_progress_apart(shop: Path) -> None:
    done = trc(shop, "run", "shop.yaml", "--json")
    report = done.json
    assert report["run"]["state"] == "success"
    assert {task["task"]: task["state"] for task in report["tasks"]} == dict.fromkeys(
        ["paid", "revenue", "page"], "success"
    )
    revenue = next(task for task in report["tasks"] if task["task"] == "revenue")
    assert revenue["outputs"][0]["rows"] == 4
    assert "done" in done.err


def test_plan_says_what_and_why(shop: Path, ran: Path) -> None:
    before = trc(shop, "plan", "shop.yaml")
    assert before.code == exits.OK
    assert before.out.splitlines()[0].split() == ["PLAN", "TASK", "WHY"]
    assert "shop: " in before.out
    after = trc(ran, "plan", "shop.yaml", "--json").json
    assert {task["action"] for task in after["tasks"]} == {"skip"}
    forced = trc(ran, "plan", "shop.yaml", "--force", "--json").json
    assert {task["action"] for task in forced["tasks"]} == {"run"}


def test_explain_names_what_changed(shop: Path) -> None:
    trc(shop, "run", "shop.yaml")
    edit(shop / "shop.yaml", "status = 'paid'", "status in ('paid', 'open')")
    trc(shop, "run", "shop.yaml")
    told = trc(shop, "explain", "paid")
    assert told.code == exits.OK
    assert "ran: changed since it last succeeded" in told.out
    assert re.search(r"^      - .*'paid'", told.out, re.MULTILINE)
    assert re.search(r"^      \+ .*'open'", told.out, re.MULTILINE)
    document = trc(shop, "explain", "task:paid", "--json").json
    assert document["reason"]["code"] == "changed"
    assert document["task"]["state"] == "success"


def test_explain_a_code_prints_its_page(ran: Path) -> None:
    for subject in ("trc402", "code:TRC402"):
        told = trc(ran, "explain", subject)
        assert told.code == exits.OK
        assert told.out.startswith("# TRC402: ")
    assert trc(ran, "explain", "TRC402", "--json").json["page"].startswith("# TRC402")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["explain", "TRC999"], "TRC999"),
        (["explain", "nobody"], "nobody"),
        (["explain", "paid", "--run", "zz"], "zz"),
        (["status", "zz"], "zz"),
        (["logs", "zz"], "zz"),
        (["logs", "latest", "nobody"], "nobody"),
        (["plan", "shop.yaml", "--backend", "moon"], "moon"),
        (["plan", "shop.yaml", "--at", "yesterday"], "yesterday"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_named(ran: Path, arguments: list[str], told: str) -> None:
    done = trc(ran, *arguments)
    assert done.code == exits.WRONG_USAGE
    assert done.err.startswith("error[TRC")
    assert told in done.err
    assert done.out == ""


def test_runs_status_and_logs_before_any_run(shop: Path) -> None:
    for arguments in (["runs"], ["status"], ["logs"], ["explain", "paid"]):
        done = trc(shop, *arguments)
        assert done.code == exits.WRONG_USAGE
        assert done.err.startswith("error[TRC609]")
    assert trc(shop, "runs", "--json").json["diagnostics"][0]["code"] == "TRC609"


def test_runs_and_status_tell_of_runs(ran: Path) -> None:
    runs = trc(ran, "runs", "--json").json["runs"]
    assert [run["state"] for run in runs] == ["success", "success"]
    assert trc(ran, "runs", "--limit", "1").out.splitlines()[1].split()[:3] == ["success", runs[0]["id"], "shop"]
    first = trc(ran, "status", runs[1]["id"], "--json").json
    assert [task["state"] for task in first["tasks"]] == ["success"] * 3
    assert {attempt["state"] for attempt in first["attempts"]} == {"success"}
    told = trc(ran / "data", "status").out
    assert f"run {runs[0]['id']} of shop: success" in told
    assert "up to date" in told


def test_logs_give_what_a_task_printed(ran: Path) -> None:
    first = trc(ran, "runs", "--json").json["runs"][1]["id"]
    done = trc(ran, "logs", first, "page")
    assert "wrote 4 customers\n" in done.out
    assert "page, attempt 1: success" in done.err
    assert "no task has begun" in trc(ran, "logs", "latest", "page").err
    [log] = trc(ran, "logs", first, "page", "--json").json["attempts"]
    assert "wrote 4 customers" in log["text"]


def test_a_failing_task_is_told_with_its_log_and_what_it_blocked(shop: Path) -> None:
    edit(
        shop / "tasks/page.py",
        'file.write("# Revenue',
        'print("about to fail"); raise ValueError("no revenue"); file.write("# Revenue',
    )
    mail = "  - id: mail\n    type: shell\n    needs: [page]\n    params: {command: 'echo sent'}\n"
    edit(shop / "shop.yaml", "\n# `trc test` runs", f"{mail}\n# `trc test` runs")
    done = trc(shop, "run", "shop.yaml")
    assert done.code == exits.FAILED
    assert "error[TRC601]: " in done.err
    assert "no revenue" in done.err
    assert "│ about to fail" in done.err
    assert "not run because of it: mail" in done.err
    assert re.search(r"^shop: failure in .*: 2 ran, 1 failed, 1 blocked$", done.out, re.MULTILINE)
    assert "trc explain page" in done.out
    assert "out/revenue.csv" in done.out
    status = trc(shop, "status").out
    assert re.search(r"^upstream_failed +mail +needs page, which failed$", status, re.MULTILINE)
    explained = trc(shop, "explain", "page").out
    assert "failed: " in explained
    report = trc(shop, "run", "shop.yaml", "--json")
    assert report.code == exits.FAILED
    assert report.json["blocked"] == {"page": ["mail"]}


def test_mistakes_are_told_all_at_once_and_nothing_is_written(shop: Path) -> None:
    edit(shop / "shop.yaml", "type: python", "type: pyhton")
    edit(shop / "shop.yaml", "from orders", "from oders")
    for arguments in (["check", "shop.yaml"], ["run", "shop.yaml"], ["plan", "shop.yaml"], ["compile", "shop.yaml"]):
        done = trc(shop, *arguments)
        assert done.code == exits.WRONG_PIPELINE
        assert "TRC208" in done.err
        assert "TRC403" in done.err
        assert "2 errors" in done.err
        assert done.out == ""
    assert not (shop / "out").exists()
    assert not (shop / "build").exists()
    for option in (["--format", "json"], ["--json"]):
        report = trc(shop, "check", "shop.yaml", *option)
        assert report.code == exits.WRONG_PIPELINE
        assert {found["code"] for found in report.json["diagnostics"]} == {"TRC208", "TRC403"}


@pytest.mark.parametrize("name", ["absent.yaml", "data", "data/orders.csv"])
def test_a_file_that_is_no_pipeline_is_named(shop: Path, name: str) -> None:
    done = trc(shop, "run", name)
    assert done.code in {exits.WRONG_PIPELINE, exits.WRONG_USAGE}
    assert name in done.err


def test_compile_writes_files_and_emit_prints_one(shop: Path) -> None:
    compiled = trc(shop, "compile", "shop.yaml", "-o", "built")
    assert compiled.code == exits.OK, compiled.err
    written = compiled.out.splitlines()
    assert written
    assert all(name.startswith("built/") and (shop / name).is_file() for name in written)
    assert json.loads(trc(shop, "compile", "shop.yaml", "--emit", "ir").out)["name"] == "shop"
    assert len(json.loads(trc(shop, "compile", "shop.yaml", "--emit", "plan").out)["tasks"]) == 3
    assert "from orders" in trc(shop, "compile", "shop.yaml", "--emit", "sql").out
    assert not (shop / "build").exists()


def test_graph_draws_each_form(ran: Path, tmp_path: Path) -> None:
    assert "-->" in trc(ran, "graph", "shop.yaml").out
    assert trc(ran, "graph", "shop.yaml", "--format", "dot").out.startswith("digraph")
    assert ET.fromstring(trc(ran, "graph", "shop.yaml", "--format", "svg").out).tag.endswith("svg")
    assert "<html" in trc(ran, "graph", "shop.yaml", "--format", "html").out
    for option in (["--format", "json"], ["--json"]):
        assert trc(ran, "graph", "shop.yaml", *option).json["nodes"]
    assert trc(ran, "graph", "shop.yaml", "-o", str(tmp_path / "picture.svg")).code == exits.OK
    assert (tmp_path / "picture.svg").read_text().endswith("</svg>\n")


def on_a_terminal(folder: Path, *arguments: str, **environ: str) -> str:
    """What a command shows on a terminal that takes all its streams."""
    leader, follower = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | environ
    process = subprocess.Popen(
        [sys.executable, "-m", "trc", *arguments],
        cwd=folder,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the last holder of the other side is gone
            break
        if not piece:
            break
        shown += piece
    process.wait()
    os.close(leader)
    return shown.decode()


def test_on_a_terminal_a_run_is_drawn_in_colour(shop: Path) -> None:
    shown = on_a_terminal(shop, "run", "shop.yaml", TERM="xterm")
    assert "\x1b[?25l" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "\x1b[32mdone" in shown
    assert "\x1b[32;1msuccess\x1b[0m" in shown


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (["--no-color", "run", "shop.yaml"], {"TERM": "xterm"}),
        (["run", "shop.yaml", "--no-color"], {"TERM": "xterm"}),
        (["run", "shop.yaml"], {"TERM": "xterm", "NO_COLOR": "1"}),
        (["run", "shop.yaml"], {"TERM": "dumb"}),
    ],
    ids=["before", "after", "variable", "dumb"],
)
def test_colours_can_be_refused(shop: Path, arguments: list[str], environ: dict[str, str]) -> None:
    shown = on_a_terminal(shop, *arguments, **environ)
    assert "success" in shown
    assert not re.search(r"\x1b\[[\d;]*m", shown)
    assert ("\x1b" in shown) is (environ["TERM"] != "dumb")


def test_ctrl_c_after_a_failure_is_still_an_interruption(shop: Path) -> None:
    os.mkfifo(shop / "gate")
    (shop / "p.yaml").write_text(
        "name: p\nnodes:\n"
        "  - {id: bad, type: shell, params: {command: 'exit 1'}}\n"
        "  - {id: slow, type: shell, params: {command: 'cat gate'}, needs: [{task: bad, requires: completion}]}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "trc", "run", "p.yaml"],
        cwd=shop,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    gate = os.open(shop / "gate", os.O_WRONLY)  # opens when "slow" reads from it
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    os.close(gate)
    assert process.returncode == exits.INTERRUPTED, err
    assert "canceling" in err
    assert re.search(r"^canceled +slow", err, re.MULTILINE)
    assert "1 failed, 1 canceled" in out
