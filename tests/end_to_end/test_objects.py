"""Pipelines whose data lies on S3: read as it was listed, written in one step, skipped by ETag."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
from tests.objects import ObjectServer

PIPELINE = """
pipeline "shop" { }

source orders = csv("s3://lake/raw/*.csv") { columns { id: bigint, amount: double } }

task total = sql $$ select sum(amount) as total, count(*) as orders from orders $$ {
  output = parquet("s3://lake/out/total.parquet")
}

task page = sql $$ select total * 2 as twice from total $$ {
  output = csv("s3://lake/out/page.csv")
}
"""


@pytest.fixture
def shop(space: Any, objects: ObjectServer) -> Any:
    objects.put("raw/a.csv", "id,amount\n1,10\n2,5\n")
    objects.put("raw/b.csv", "id,amount\n3,1\n")
    space.write("p.trc", PIPELINE)
    return space


def states(space: Any, *arguments: str, code: int = 0) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", *arguments, code=code).json
    return {task["task"]: task["state"] for task in report["tasks"]}


def why(space: Any, task: str) -> Any:
    return space.trc("explain", f"task:{task}", "--json").json["reason"]


def test_sql_reads_and_writes_objects(shop: Any, objects: ObjectServer) -> None:
    assert states(shop) == {"total": "success", "page": "success"}
    # What was just written is not read back.
    assert sorted(objects.gets()) == ["/lake/raw/a.csv", "/lake/raw/b.csv"]
    assert objects.read("out/page.csv") == b"twice\n32.0\n"
    assert sorted(objects.all_keys()) == ["out/page.csv", "out/total.parquet", "raw/a.csv", "raw/b.csv"]
    assert objects.uploads() == []
    assert not list(shop.root.glob(".trc/staging/fetched-*"))
    assert not list(shop.root.glob(".trc/staging-objects/*"))


def test_a_second_run_skips_without_reading_anything(shop: Any, objects: ObjectServer) -> None:
    states(shop)
    objects.asked.clear()
    assert states(shop) == {"total": "skipped", "page": "skipped"}
    assert objects.gets() == []
    # One listing for the pattern, one HEAD for each output, whoever asks for them.
    assert sorted(objects.asked) == [
        ("GET", "/lake"),
        ("HEAD", "/lake/out/page.csv"),
        ("HEAD", "/lake/out/total.parquet"),
    ]


def test_a_new_object_runs_what_it_feeds_and_is_named_by_etag(shop: Any, objects: ObjectServer) -> None:
    states(shop)
    objects.put("raw/c.csv", "id,amount\n4,4\n")
    told = shop.trc("plan", "p.trc").out
    assert "inputs.orders[s3://lake/raw/c.csv]" in told
    assert states(shop) == {"total": "success", "page": "success"}
    (change,) = why(shop, "total")["changes"]
    assert change["field"] == "inputs.orders[s3://lake/raw/c.csv]"
    assert change["old"] is None
    assert change["new"].startswith("etag:")
    assert objects.read("out/page.csv") == b"twice\n40.0\n"


def test_the_same_bytes_again_stop_where_they_are(shop: Any, objects: ObjectServer) -> None:
    states(shop)
    objects.put("raw/b.csv", "id,amount\n3,1\n")
    assert states(shop) == {"total": "skipped", "page": "skipped"}
    # Other bytes, an equal sum: only what reads them runs.
    objects.put("raw/b.csv", "id,amount\n3,1.0\n")
    assert states(shop) == {"total": "success", "page": "skipped"}


@pytest.mark.parametrize("how", ["deleted", "overwritten"])
def test_an_output_that_is_lost_is_made_again(shop: Any, objects: ObjectServer, how: str) -> None:
    states(shop)
    if how == "deleted":
        objects.client.delete_object(Bucket="lake", Key="out/page.csv")
    else:
        objects.put("out/page.csv", "mine")
    assert states(shop) == {"total": "skipped", "page": "success"}
    assert why(shop, "page")["code"] == {"deleted": "output_missing", "overwritten": "output_changed"}[how]
    assert objects.read("out/page.csv") == b"twice\n32.0\n"


def test_python_and_shell_are_given_copies(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/day=2026-01-01/a.txt", "ada")
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task greet = python("tasks.py:greet") {
          inputs = { name = "s3://lake/raw/day=2026-01-01/a.txt" }
          output = file("s3://lake/out/greeting.txt")
        }
        task shout = shell("tr a-z A-Z < $TRC_INPUT_GREET > $TRC_OUTPUT_OUTPUT") {
          input = greet
          output = file("s3://lake/out/shout.txt")
        }
        """,
    )
    space.write(
        "tasks.py",
        """
        from pathlib import Path

        def greet(context):
            path = Path(context.inputs["name"].path)
            assert path.parts[-2:] == ("day=2026-01-01", "a.txt")
            Path(context.outputs["output"].path).write_text("hello " + path.read_text())
        """,
    )
    assert states(space) == {"greet": "success", "shout": "success"}
    assert objects.read("out/shout.txt") == b"HELLO ADA"


def test_a_location_in_the_query_is_read_as_it_was_listed(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/a.csv", "id\n1\n2\n")
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task ids = sql $$ select id from read_csv('s3://lake/raw/*.csv') $$
        task count = sql $$ select count(*) as n from ids, 's3://lake/raw/a.csv' as again $$ {
          output = csv("s3://lake/out/n.csv")
        }
        """,
    )
    assert set(states(space).values()) == {"success"}
    assert objects.read("out/n.csv") == b"n\n4\n"
    assert set(states(space).values()) == {"skipped"}


def test_expectations_hold_what_is_not_yet_seen(shop: Any, objects: ObjectServer) -> None:
    text = PIPELINE.replace('total.parquet")', 'total.parquet")\n  expect { check($$ total > 100 $$) }')
    shop.write("p.trc", text)
    shop.trc("run", "p.trc", code=1)
    assert sorted(objects.all_keys()) == ["raw/a.csv", "raw/b.csv"]
    assert objects.uploads() == []


def test_other_commands_take_objects_for_what_they_are(shop: Any, objects: ObjectServer) -> None:
    states(shop)
    told = shop.trc("lineage", "asset", "shop.total").out
    assert "s3://lake/raw/a.csv" in told
    assert "is gone" not in told
    asked = len(objects.asked)
    shop.trc("doctor")
    # It reads every output of this machine; objects it does not look at.
    assert len(objects.asked) == asked


def test_outputs_here_and_there_are_published_together_or_not(space: Any, objects: ObjectServer) -> None:
    objects.put("out/b.txt", "old")
    (space.root / "out" / "a.txt").mkdir(parents=True)
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task both = shell("echo 1 > $TRC_OUTPUT_A; echo 2 > $TRC_OUTPUT_B; echo 3 > $TRC_OUTPUT_C") {
          outputs = { a = "out/a.txt", b = "s3://lake/out/b.txt", c = "s3://lake/out/c.txt" }
        }
        """,
    )
    told = space.trc("run", "p.trc", code=1)
    assert "error[TRC611]" in told.err + told.out
    assert objects.read("out/b.txt") == b"old"
    assert objects.all_keys() == ["out/b.txt"]
    (space.root / "out" / "a.txt").rmdir()
    assert states(space) == {"both": "success"}
    assert objects.read("out/b.txt") == b"2\n"
    assert objects.all_keys() == ["out/b.txt", "out/c.txt"]
    assert objects.uploads() == []


def test_a_task_that_runs_out_of_time_while_objects_travel_leaves_nothing(space: Any, objects: ObjectServer) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task slow = shell("echo 1 > $TRC_OUTPUT_OUTPUT") {
          output = file("s3://lake/out/a.txt")
          timeout = 1s
        }
        """,
    )
    gate = threading.Event()

    def before(method: str, path: str) -> None:
        if method == "PUT" and path == "/lake/out/a.txt":
            gate.wait(3)

    objects.before = before
    told = space.trc("run", "p.trc", code=1)
    gate.set()
    objects.before = None
    assert "error[TRC603]" in told.err + told.out
    assert objects.all_keys() == []


# What goes wrong


@pytest.mark.parametrize(
    ("answer", "code", "tells"),
    [
        ((403, "AccessDenied"), "TRC671", "access is denied"),
        ((400, "ExpiredToken"), "TRC672", "S3 does not take the credentials: ExpiredToken"),
        ((403, "InvalidAccessKeyId"), "TRC672", "InvalidAccessKeyId"),
        ((404, "NoSuchBucket"), "TRC670", 'there is no bucket "lake"'),
        ((503, "SlowDown"), "TRC673", "the object store is too busy: SlowDown"),
    ],
    ids=["denied", "expired", "unknown key", "no bucket", "throttled"],
)
@pytest.mark.parametrize("when", ["listing", "reading", "writing"])
def test_a_refusal_is_told_with_its_code(
    shop: Any,
    objects: ObjectServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, str],
    code: str,
    tells: str,
    when: str,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    def fault(method: str, path: str) -> tuple[int, str] | None:
        is_meant = {
            "listing": method in ("GET", "HEAD") and path.count("/") == 1,
            "reading": method == "GET" and path.count("/") > 1,
            "writing": method in ("PUT", "POST"),
        }[when]
        return answer if is_meant else None

    objects.fault = fault
    done = shop.trc("run", "p.trc", code=1)
    objects.fault = None
    assert f"error[{code}]" in done.err + done.out
    assert tells in done.err + done.out
    assert "p.trc:" in done.err + done.out
    assert sorted(objects.all_keys()) == ["raw/a.csv", "raw/b.csv"]
    assert objects.uploads() == []


def test_throttling_passes_by_the_clients_own_retries(shop: Any, objects: ObjectServer) -> None:
    seen: dict[tuple[str, str], int] = {}

    def fault(method: str, path: str) -> tuple[int, str] | None:
        seen[method, path] = seen.get((method, path), 0) + 1
        return (503, "SlowDown") if seen[method, path] == 1 else None

    objects.fault = fault
    assert states(shop) == {"total": "success", "page": "success"}
    assert all(count > 1 for count in seen.values())


def test_a_stream_that_is_cut_short_is_gone_on_with(shop: Any, objects: ObjectServer) -> None:
    objects.cut += [3, 3]
    assert states(shop) == {"total": "success", "page": "success"}
    assert objects.cut == []
    objects.fault = None
    assert objects.read("out/page.csv") == b"twice\n32.0\n"


@pytest.mark.parametrize("always", [False, True], ids=["once", "each time"])
def test_an_object_that_changes_before_it_is_read_is_listed_anew(
    shop: Any, objects: ObjectServer, *, always: bool
) -> None:
    changes: list[int] = []

    def before(method: str, path: str) -> None:
        if method == "GET" and path == "/lake/raw/a.csv" and (always or not changes):
            changes.append(len(changes))
            objects.put("raw/a.csv", f"id,amount\n1,{100 + len(changes)}\n")

    objects.before = before
    told = shop.trc("run", "p.trc", code=1 if always else 0)
    objects.before = None
    assert changes
    if always:
        assert "error[TRC604]" in told.err + told.out
        assert sorted(objects.all_keys()) == ["raw/a.csv", "raw/b.csv"]
    else:
        assert objects.read("out/page.csv") == b"twice\n204.0\n"
        assert states(shop) == {"total": "skipped", "page": "skipped"}


def test_an_object_that_changes_while_the_task_runs_is_read_anew(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/a.txt", "one")
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task copy = shell("cat $TRC_INPUT_A > $TRC_OUTPUT_OUTPUT") {
          inputs = { a = "s3://lake/raw/a.txt" }
          output = file("s3://lake/out/a.txt")
        }
        """,
    )
    reads: list[str] = []

    def before(method: str, path: str) -> None:
        if path == "/lake/raw/a.txt" and method == "GET":
            reads.append(path)
        elif path == "/lake/raw/a.txt" and method == "HEAD" and len(reads) == 1:
            objects.client.put_object(Bucket="lake", Key="raw/a.txt", Body="two")

    objects.before = before
    assert states(space) == {"copy": "success"}
    objects.before = None
    assert len(reads) == 2
    assert objects.read("out/a.txt") == b"two"


@pytest.mark.usefixtures("objects")
def test_an_object_that_is_gone_when_the_task_begins_is_missing(space: Any) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        source a = csv("s3://lake/raw/a.csv") { columns { id: bigint } }
        task copy = sql $$ select id from a $$ { output = csv("s3://lake/out/a.csv") }
        """,
    )
    assert 'the input "a" is not there: s3://lake/raw/a.csv' in space.trc("plan", "p.trc", code=None).out
    told = space.trc("run", "p.trc", code=1)
    assert "error[TRC608]" in told.err + told.out


@pytest.mark.usefixtures("objects")
def test_a_missing_bucket_is_told_of_a_plain_object_too(space: Any) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        source a = csv("s3://sea/raw/a.csv") { columns { id: bigint } }
        task copy = sql $$ select id from a $$ { output = csv("s3://lake/out/a.csv") }
        """,
    )
    told = space.trc("run", "p.trc", code=1)
    assert "error[TRC670]" in told.err + told.out
    assert 'there is no bucket "sea"' in told.err + told.out


def test_other_stores_are_refused_where_they_are_written(space: Any) -> None:
    space.write("p.trc", 'pipeline "p" { }\ntask a = sql $$ select 1 as n $$ { output = csv("gs://lake/a.csv") }\n')
    told = space.trc("run", "p.trc", code=2)
    assert "error[TRC501]" in told.err + told.out


WITHOUT_BOTO3 = """
import importlib.util as util
real = util.find_spec
util.find_spec = lambda name, *more: None if name == "boto3" else real(name, *more)
from trc.cli import main
main()
"""


@pytest.mark.parametrize("command", ["plan", "run"])
def test_without_boto3_the_command_that_installs_it_is_told(shop: Any, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_BOTO3, command, "p.trc"],
        cwd=shop.root,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert 'error[TRC620]: data on S3 needs the package "boto3", which is not installed' in done.stderr
    assert "pip install 'trc-pipelines[s3]'" in done.stderr


@pytest.mark.parametrize("rows", ["a few", "none"])
def test_objects_are_encrypted_and_tagged_as_the_project_says(space: Any, objects: ObjectServer, rows: str) -> None:
    space.write("trc.toml", '[s3]\nencryption = "aws:kms"\nkms_key = "alias/lake"\ntags = { team = "a b+c" }\n')
    body = "printf x > $TRC_OUTPUT_OUTPUT" if rows == "a few" else ": > $TRC_OUTPUT_OUTPUT"
    space.write("p.trc", f'pipeline "p" {{ }}\ntask a = shell("{body}") {{ output = file("s3://lake/out/a") }}\n')
    assert states(space) == {"a": "success"}
    found = objects.client.head_object(Bucket="lake", Key="out/a")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "alias/lake")
    tags = objects.client.get_object_tagging(Bucket="lake", Key="out/a")["TagSet"]
    assert tags == [{"Key": "team", "Value": "a b+c"}]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('s3 = "x"', '"s3" is a table'),
        ('[s3]\nencryption = "rot13"', '"rot13" is no encryption that S3 knows'),
        ("[s3]\nencryption = true", '"s3.encryption" takes a text'),
        ('[s3]\nkms_key = "k"', '"s3.kms_key" is for an encryption by KMS'),
        ('[s3]\nencrypton = "AES256"', 'did you mean "encryption"'),
        ("[s3]\ntags = 3", '"s3.tags" takes a table of texts'),
        ('[s3]\ntags = { a = "b&c" }', 'S3 does not take the tag "a" so'),
        ("[s3]\ntags = { a = 1 }", 'the tag "a" is a text'),
        (
            "[s3.tags]\n" + "".join(f't{n} = "x"\n' for n in range(11)),
            "an object has 10 tags at most, and these are 11",
        ),
        ('[s3]\ntags = { a = "' + "x" * 300 + '" }', 'the tag "a" is too long'),
    ],
)
def test_mistakes_about_writing_objects(space: Any, text: str, complaint: str) -> None:
    space.write("trc.toml", text)
    space.write("p.trc", 'pipeline "p" { }\ntask a = shell("true")\n')
    done = space.trc("check", "p.trc", code=2)
    assert "TRC111" in done.out + done.err
    assert complaint in done.out + done.err
