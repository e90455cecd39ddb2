"""Requests as a worker sends them: what is sent, what is kept, and what is never sent twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.website import Website, website

from trc.runtime.taskside.order import OrderOutput, TaskOrder
from trc.runtime.taskside.result import AttemptResult
from trc.runtime.taskside.run import execute
from trc.runtime.taskside.web import over


@pytest.fixture
def site() -> Iterator[Website]:
    with website() as found:
        yield found


def request(folder: Path, url: str, method: str = "GET", *, writes: bool = False, **params: Any) -> AttemptResult:
    order = TaskOrder(
        run="r7",
        pipeline="p",
        task="tell",
        attempt=1,
        token="tell/1",
        runs="trc.stdlib_tasks.http_request.run:run",
        project=str(folder),
        log=str(folder / "log"),
        run_time="2026-01-01T00:00:00+00:00",
        idempotency_key="r7/tell",
        params={"url": url, "method": method, "headers": {}, "idle_timeout": "2s", "max_size": "64Mi", **params},
        outputs=(OrderOutput("output", "file", str(folder / "out")),) if writes else (),
        network={"hosts": ["127.0.0.1"], "networks": []},
    )
    return execute(TaskOrder.from_json(order.to_json()), lambda _done, _total: None)


def told(result: AttemptResult) -> str:
    assert result.failure is not None
    return f"{result.failure.kind} {result.failure.reason}: {result.failure.message}"


def test_an_answer_is_a_value_for_other_tasks(tmp_path: Path, site: Website) -> None:
    url = site.put("/a", '{"n": 1}', etag='"x"', headers={"Content-Type": "application/json; charset=utf-8"})
    result = request(tmp_path, url, headers={"X-Mine": "1"})
    assert result.values == {
        "status": 200,
        "etag": '"x"',
        "content_type": "application/json; charset=utf-8",
        "body": {"n": 1},
    }
    assert site.asked[0].headers["x-mine"] == "1"
    assert "idempotency-key" not in site.asked[0].headers


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        (b"plain", "text/plain", {"body": "plain"}),
        (b"{", "application/json", {"body_left_out": "it is neither JSON nor UTF-8: say output_uri to keep it"}),
        (b"\xff", "", {"body_left_out": "it is neither JSON nor UTF-8: say output_uri to keep it"}),
        (b"x" * 70_000, "", {"body_left_out": "more than 65,536 bytes: say output_uri to keep it"}),
        (b"", "", {}),
    ],
)
def test_only_what_is_small_and_readable_is_a_value(
    tmp_path: Path, site: Website, body: bytes, kind: str, value: Any
) -> None:
    found = request(tmp_path, site.put("/a", body, headers={"Content-Type": kind})).values
    assert {name: found[name] for name in found if name.startswith("body")} == value


def test_an_output_takes_the_body(tmp_path: Path, site: Website) -> None:
    result = request(tmp_path, site.put("/a", b"\xff" * 100_000), writes=True)
    assert (tmp_path / "out").read_bytes() == b"\xff" * 100_000
    assert result.values["size"] == 100_000


@pytest.mark.parametrize(
    ("params", "body", "kind"),
    [
        ({"body": "é"}, "é".encode(), "text/plain; charset=utf-8"),
        ({"json_body": {"a": [1, None]}}, b'{"a": [1, null]}', "application/json"),
        ({"json_body": {}, "headers": {"content-type": "application/x"}}, b"{}", "application/x"),
    ],
)
def test_what_is_sent(tmp_path: Path, site: Website, params: Any, body: bytes, kind: str) -> None:
    assert request(tmp_path, site.put("/a", b""), "POST", **params).failure is None
    (asked,) = site.asked
    assert (asked.method, asked.body, asked.headers["content-type"]) == ("POST", body, kind)
    # Equal for each attempt of the task in its run.
    assert asked.headers["idempotency-key"] == "r7/tell"


@pytest.mark.parametrize(
    ("method", "status", "says"),
    [
        ("GET", 404, "permanent input_missing"),
        ("GET", 400, "permanent web_refused"),
        ("GET", 503, "temporary web_unreachable"),
        ("PUT", 502, "temporary web_unreachable"),
        # Somebody else's server may have had it done.
        ("POST", 502, "unknown web_unanswered"),
        ("POST", 503, "temporary web_unreachable"),
        ("POST", 422, "permanent web_refused"),
    ],
)
def test_an_answer_tells_whether_to_try_again(
    tmp_path: Path, site: Website, method: str, status: int, says: str
) -> None:
    url = site.put("/a", b"")
    site.statuses.append(status)
    said = told(request(tmp_path, url + "?key=1" if status == 400 else url, method))
    assert said == f'{says}: "127.0.0.1" answers {status} to {method} {url}' + (
        ": there is nothing" if status == 404 else ""
    )


def test_other_statuses_can_be_a_success(tmp_path: Path, site: Website) -> None:
    site.statuses += [404, 200]
    assert request(tmp_path, f"{site.url}/a", expect_status=[404]).values == {"status": 404}
    assert request(tmp_path, f"{site.url}/a", expect_status=[404]).failure is not None


def test_what_may_have_been_heard_is_told_as_that(tmp_path: Path, site: Website) -> None:
    gate = threading.Event()

    def wait(_asked: Any) -> None:
        gate.wait(20)

    site.before = wait
    said = told(request(tmp_path, site.put("/a", b""), "POST", idle_timeout="100ms"))
    gate.set()
    assert said == 'temporary web_unanswered: "127.0.0.1" did not answer within 0.1 s'


@pytest.mark.parametrize(("method", "says"), [("GET", "temporary web_unreachable"), ("POST", "unknown web_unanswered")])
def test_an_answer_that_breaks_off(tmp_path: Path, site: Website, method: str, says: str) -> None:
    site.cut.append(10)
    said = told(request(tmp_path, site.put("/a", b"x" * 100), method, writes=True))
    assert said == f'{says}: "127.0.0.1" ended its answer too early'


def test_a_large_answer_is_not_taken(tmp_path: Path, site: Website) -> None:
    said = told(request(tmp_path, site.put("/a", b"x" * 2000), max_size="1Ki", writes=True))
    assert said == "permanent web_size: the answer is larger than the 1,024 bytes that max_size allows"


def test_what_is_sent_goes_to_no_other_host(tmp_path: Path, site: Website) -> None:
    with website() as other:
        site.redirects["/a"] = f"{other.url}/b"
        # A 302 of a POST is an answer.
        assert told(request(tmp_path, f"{site.url}/a", "POST", body="x")).startswith("permanent web_refused: ")
        assert other.asked == []


def test_headers_of_the_author_take_the_place_of_others() -> None:
    assert over({"Content-Type": "text/plain", "A": "1"}, {"content-type": "x/y"}) == {"A": "1", "content-type": "x/y"}
