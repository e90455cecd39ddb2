"""Downloads as a worker runs them: resumed, bounded, checked, of one version, and to allowed addresses alone."""

from __future__ import annotations

import hashlib
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.website import Website, website

from trc.runtime.taskside import download
from trc.runtime.taskside.order import OrderInput, OrderOutput, TaskOrder
from trc.runtime.taskside.result import AttemptResult
from trc.runtime.taskside.run import execute

BODY = bytes(range(256)) * 4096
DATED = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.fixture
def site() -> Iterator[Website]:
    with website() as found:
        yield found


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "pause", lambda _seconds: None)


def fetch(
    folder: Path,
    url: str,
    known: str = "",
    network: Any = None,
    report: Any = lambda _done, _total: None,
    **params: Any,
) -> AttemptResult:
    order = TaskOrder(
        run="r7",
        pipeline="p",
        task="fetch",
        attempt=1,
        token="fetch/1",
        runs="trc.stdlib_tasks.download_to_s3.run:run",
        project=str(folder),
        log=str(folder / "log"),
        run_time="2026-01-01T00:00:00+00:00",
        idempotency_key="r7/fetch",
        params={"url": url, "headers": {}, "idle_timeout": "2s", **params},
        inputs=(OrderInput("source", "file", (url,), etags=(known,), sizes=(-1,)),),
        outputs=(OrderOutput("output", "file", str(folder / "out")),),
        network={"hosts": ["127.0.0.1"], "networks": []} if network is None else network,
    )
    return execute(TaskOrder.from_json(order.to_json()), report)


def told(result: AttemptResult) -> str:
    assert result.failure is not None
    return f"{result.failure.kind} {result.failure.reason}: {result.failure.message}".splitlines()[0]


def test_the_bytes_arrive_with_what_the_server_says_of_them(tmp_path: Path, site: Website) -> None:
    seen: list[tuple[int, int | None]] = []
    result = fetch(
        tmp_path,
        site.put("/a", BODY, modified=DATED),
        report=lambda done, total: seen.append((done, total)),
        headers={"Accept": "x/y"},
    )
    assert result.failure is None
    assert (tmp_path / "out").read_bytes() == BODY
    etag = site.pages["/a"].version
    assert result.values == {"size": len(BODY), "etag": etag, "last_modified": DATED}
    assert result.outputs[0].digest == "sha256:" + hashlib.sha256(BODY).hexdigest()
    assert seen[-1] == (len(BODY), len(BODY))
    (asked,) = site.asked
    assert {"accept": "x/y", "user-agent": "trc", "accept-encoding": "identity"}.items() <= asked.headers.items()


def test_what_breaks_off_is_gone_on_with_where_it_broke(tmp_path: Path, site: Website) -> None:
    site.cut += [1000, 500_000, 0]
    result = fetch(tmp_path, site.put("/a", BODY))
    assert result.failure is None
    assert (tmp_path / "out").read_bytes() == BODY
    assert result.values["resumed"] == 3
    etag = site.pages["/a"].version
    ranges = [(one.headers.get("range"), one.headers.get("if-range")) for one in site.asked]
    assert ranges == [
        (None, None),
        ("bytes=1000-", etag),
        ("bytes=501000-", etag),
        ("bytes=501000-", etag),
    ]


def test_a_date_that_tells_bytes_apart_will_do_to_go_on(tmp_path: Path, site: Website) -> None:
    site.cut.append(1000)
    result = fetch(tmp_path, site.put("/a", BODY, etag="", modified=DATED))
    assert result.failure is None
    assert (tmp_path / "out").read_bytes() == BODY
    assert site.asked[1].headers["if-range"] == DATED


@pytest.mark.parametrize("facts", [{"etag": ""}, {"etag": 'W/"weak"', "modified": DATED}], ids=["none", "weak"])
def test_without_a_sure_version_it_is_begun_anew(tmp_path: Path, site: Website, facts: Any) -> None:
    site.cut.append(1000)
    checksum = "sha256:" + hashlib.sha256(BODY).hexdigest()
    result = fetch(tmp_path, site.put("/a", BODY, **facts), checksum=checksum)
    assert result.failure is None
    assert (tmp_path / "out").read_bytes() == BODY
    assert "range" not in site.asked[1].headers


def test_what_does_not_say_which_version_it_is_is_not_taken_for_the_one_that_was_planned(
    tmp_path: Path, site: Website
) -> None:
    """The key holds the version that HEAD told: other bytes under it would be skipped for ever."""
    result = fetch(tmp_path, site.put("/a", BODY, etag=""), known='"planned"')
    assert told(result) == ('temporary input_moved: what is downloaded from "127.0.0.1" changed after it was looked at')


def test_a_server_without_ranges_sends_it_all_again(tmp_path: Path, site: Website) -> None:
    site.ranges = False
    site.cut.append(1000)
    result = fetch(tmp_path, site.put("/a", BODY), checksum="md5:" + hashlib.md5(BODY).hexdigest())
    assert result.failure is None
    assert (tmp_path / "out").read_bytes() == BODY


def test_an_answer_of_untold_length_that_breaks_off_is_noticed(tmp_path: Path, site: Website) -> None:
    site.cut.append(1000)
    result = fetch(tmp_path, site.put("/a", BODY, chunked=True))
    assert result.failure is None
    assert (tmp_path / "out").read_bytes() == BODY
    assert site.asked[1].headers["range"] == "bytes=1000-"


def test_all_came_and_only_the_end_was_not_told(tmp_path: Path, site: Website) -> None:
    site.cut.append(len(BODY))
    assert fetch(tmp_path, site.put("/a", BODY, chunked=True)).failure is None
    assert (tmp_path / "out").read_bytes() == BODY


def test_a_server_that_is_away_meanwhile_is_asked_again(tmp_path: Path, site: Website) -> None:
    site.cut.append(1000)
    site.statuses += [0, 503, 429]
    assert fetch(tmp_path, site.put("/a", BODY)).failure is None
    assert (tmp_path / "out").read_bytes() == BODY


def test_a_server_that_always_breaks_off_is_left_alone(tmp_path: Path, site: Website) -> None:
    site.cut += [100] + [0] * 20
    result = fetch(tmp_path, site.put("/a", BODY))
    assert told(result) == (
        'temporary web_unreachable: "127.0.0.1" ended its answer too early, after 100 of 1,048,576 bytes; it was asked 6 times'
    )
    assert result.outputs == ()


def test_what_changes_in_the_middle_is_not_put_together(tmp_path: Path, site: Website) -> None:
    site.cut.append(1000)

    def change(_asked: Any) -> None:
        if len(site.asked) == 2:
            site.put("/a", BODY[::-1])

    site.before = change
    result = fetch(tmp_path, site.put("/a", BODY))
    assert told(result) == 'temporary input_moved: what is downloaded from "127.0.0.1" changed after it was looked at'


def test_what_changed_since_it_was_planned_is_not_taken_for_it(tmp_path: Path, site: Website) -> None:
    url = site.put("/a", BODY)
    assert told(fetch(tmp_path, url, known='"another"')).startswith("temporary input_moved: ")
    assert fetch(tmp_path, url, known=site.pages["/a"].version).failure is None
    # Who compresses on the way says that its bytes may be others.
    site.pages["/a"].etag = 'W/"x"'
    assert fetch(tmp_path, url, known='"x"').failure is None


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (404, 'permanent input_missing: "127.0.0.1" answers 404 to GET {url}: there is nothing'),
        (410, 'permanent input_missing: "127.0.0.1" answers 410 to GET {url}: there is nothing'),
        (401, 'permanent web_refused: "127.0.0.1" answers 401 to GET {url}'),
        (403, 'permanent web_refused: "127.0.0.1" answers 403 to GET {url}'),
        (501, 'permanent web_refused: "127.0.0.1" answers 501 to GET {url}'),
        (204, 'permanent web_refused: "127.0.0.1" answers 204 to GET {url}'),
        (429, 'temporary web_unreachable: "127.0.0.1" answers 429 to GET {url}'),
        (500, 'temporary web_unreachable: "127.0.0.1" answers 500 to GET {url}'),
        (503, 'temporary web_unreachable: "127.0.0.1" answers 503 to GET {url}'),
    ],
)
def test_an_answer_tells_whether_to_try_again(tmp_path: Path, site: Website, status: int, says: str) -> None:
    url = site.put("/a", BODY)
    site.statuses.append(status)
    assert told(fetch(tmp_path, url + "?token=x" if status == 404 else url)) == says.format(url=url)


def test_nobody_listens(tmp_path: Path, site: Website) -> None:
    result = fetch(tmp_path, f"http://127.0.0.1:{_free_port()}/a")
    assert told(result) == 'temporary web_unreachable: "127.0.0.1" cannot be reached: connection refused'
    del site


def test_a_server_that_falls_silent_is_given_up(tmp_path: Path, site: Website) -> None:
    gate = threading.Event()

    def wait(_asked: Any) -> None:
        gate.wait(20)

    site.before = wait
    result = fetch(tmp_path, site.put("/a", BODY), idle_timeout="100ms")
    gate.set()
    assert told(result) == 'temporary web_unanswered: "127.0.0.1" did not answer within 0.1 s'


def test_other_bytes_than_the_checksum_says(tmp_path: Path, site: Website) -> None:
    result = fetch(tmp_path, site.put("/a", "other"), checksum="sha256:" + "0" * 64)
    assert told(result).startswith(
        "permanent web_checksum: what was downloaded is not what the checksum says: sha256 is "
    )
    assert result.outputs == ()


@pytest.mark.parametrize("chunked", [False, True], ids=["told", "untold"])
def test_more_than_is_allowed(tmp_path: Path, site: Website, *, chunked: bool) -> None:
    url = site.put("/a", BODY, chunked=chunked)
    result = fetch(tmp_path, url, max_size="1023Ki")
    assert told(result) == (
        "permanent web_size: there is more to download than the 1,047,552 bytes that max_size allows"
    )
    # Where the size is told, nothing of it is taken; where it is not, not much more than is allowed.
    assert (tmp_path / "out").stat().st_size <= 1_047_552
    assert fetch(tmp_path, url, max_size="1Mi").failure is None


def test_an_empty_file_is_a_file(tmp_path: Path, site: Website) -> None:
    result = fetch(tmp_path, site.put("/a", b""))
    assert result.failure is None
    assert result.outputs[0].size == 0


def test_redirects_are_followed_and_headers_stay_with_their_host(tmp_path: Path, site: Website) -> None:
    with website() as other:
        other.put("/b", BODY)
        site.redirects |= {"/a": "/c", "/c": f"{other.url}/b"}
        assert fetch(tmp_path, f"{site.url}/a", headers={"X-Mine": "1"}).failure is None
        assert [one.headers.get("x-mine") for one in (*site.asked, *other.asked)] == ["1", "1", None]
        assert other.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("https://169.254.169.254/latest/meta-data/", "an address of a cloud's metadata, which trc never calls"),
        ("https://10.1.2.3/", '"10.1.2.3" is a private address'),
        ("http://files.example.com/", '"files.example.com" would be called by http'),
        ("file:///etc/passwd", "this is no URL that can be called"),
        ("ftp://127.0.0.1/", 'trc calls http and https, and not "ftp"'),
    ],
)
def test_a_redirect_leads_to_allowed_addresses_alone(tmp_path: Path, site: Website, to: str, says: str) -> None:
    site.redirects["/a"] = to
    result = fetch(tmp_path, f"{site.url}/a")
    assert told(result).startswith('permanent web_forbidden: "127.0.0.1" redirects to where trc does not call: ')
    assert says in told(result)


def test_redirects_in_a_circle(tmp_path: Path, site: Website) -> None:
    site.redirects["/a"] = "/a"
    assert told(fetch(tmp_path, f"{site.url}/a")).endswith('"127.0.0.1" redirects more than 5 times')
    assert len(site.asked) == 6


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:1/x", '"127.0.0.1" would be called by http, which anybody on the way can read and change'),
        ("https://127.0.0.1/x", '"127.0.0.1" is an address of this machine'),
        ("https://[::1]/x", '"::1" is an address of this machine'),
        ("https://2130706433/x", '"2130706433" is an unusual spelling of an address'),
        ("https://localhost/x", '"localhost" is this machine'),
        ("https://169.254.169.254/x", '"169.254.169.254" is an address of a cloud\'s metadata, which trc never calls'),
    ],
)
def test_what_is_not_allowed_is_not_called(tmp_path: Path, url: str, says: str) -> None:
    assert told(fetch(tmp_path, url, network={})) == f"permanent web_forbidden: {says}"


def test_the_largest_part_of_memory_is_one_chunk(tmp_path: Path, site: Website) -> None:
    url = site.put("/a", bytes(64 << 20))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    assert fetch(tmp_path, url).failure is None
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < 8 << 20


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
