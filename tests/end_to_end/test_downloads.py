"""Downloads through the command: skipped by ETag, refused where they may not go, and nothing half-published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.objects import ObjectServer
from tests.website import ALLOWED, Website, website


@pytest.fixture
def site() -> Iterator[Website]:
    with website() as found:
        found.put("/a.csv", "id,amount\n1,10\n2,5\n")
        yield found


def write(space: Any, site: Website, place: str = 's3_uri = "s3://lake/raw/a.csv"', more: str = "") -> None:
    space.write("trc.toml", ALLOWED)
    space.write(
        "p.trc",
        f"""
        pipeline "p" {{ }}
        task orders = download_to_s3 {{
          url = "{site.url}/a.csv"
          {place}
          {more}
        }}
        task total = sql $$ select sum(amount) as total from orders $$ {{ output = csv("out/total.csv") }}
        """,
    )


def states(space: Any, *arguments: str, code: int = 0) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", *arguments, code=code).json
    return {task["task"]: task["state"] for task in report["tasks"]}


def test_what_has_not_changed_is_not_downloaded_again(space: Any, site: Website, objects: ObjectServer) -> None:
    write(space, site)
    assert states(space) == {"orders": "success", "total": "success"}
    assert objects.read("raw/a.csv") == site.pages["/a.csv"].body
    assert space.read("out/total.csv") == "total\n15\n"
    assert site.methods() == ["HEAD", "GET"]
    site.asked.clear()
    assert states(space) == {"orders": "skipped", "total": "skipped"}
    assert site.methods() == ["HEAD"]
    etag = site.pages["/a.csv"].version.strip('"')
    assert f"inputs.source[{site.url}/a.csv]: etag:{etag}, 19 B" in space.trc("explain", "orders").out
    known = space.trc("explain", "orders", "--json").json["known_by"]
    assert known == {f"inputs.source[{site.url}/a.csv]": f"etag:{etag}, 19 B"}


def test_another_version_is_downloaded_and_named(space: Any, site: Website) -> None:
    write(space, site, 'output = csv("raw/a.csv")')
    assert states(space) == {"orders": "success", "total": "success"}
    before = site.pages["/a.csv"].version.strip('"')
    site.put("/a.csv", "id,amount\n1,11\n")
    assert f"inputs.source[{site.url}/a.csv]" in space.trc("plan", "p.trc").out
    assert states(space) == {"orders": "success", "total": "success"}
    (change,) = space.trc("explain", "orders", "--json").json["reason"]["changes"]
    assert change["old"] == f"etag:{before}, 19 B"
    assert space.read("raw/a.csv") == "id,amount\n1,11\n"
    # Other words of the same: what reads it goes by the bytes.
    site.pages["/a.csv"].etag = '"another"'
    assert states(space) == {"orders": "success", "total": "skipped"}


def test_without_a_version_it_always_runs_and_says_so(space: Any, site: Website) -> None:
    site.pages["/a.csv"].etag = ""
    write(space, site, 'output = csv("raw/a.csv")')
    states(space)
    assert states(space) == {"orders": "success", "total": "skipped"}
    (change,) = space.trc("explain", "orders", "--json").json["reason"]["changes"]
    assert change["new"].startswith("no ETag and no settled date, asked for at ")


def test_a_part_of_a_plan_is_one_head(space: Any, site: Website) -> None:
    write(space, site, 'output = csv("raw/a.csv")')
    assert "it has never succeeded before" in space.trc("plan", "p.trc").out
    assert site.methods() == ["HEAD"]


@pytest.mark.parametrize(
    ("statuses", "code", "tells"),
    [
        ([404] * 2, "TRC608", 'the input "source" is not there: '),
        ([0, 404], "TRC608", "answers 404 to GET"),
        ([403] * 9, "TRC674", "answers 403 to GET"),
        ([503] * 9, "TRC675", "answers 503 to GET"),
        ([0, 503], "TRC675", "answers 503 to GET"),
    ],
    ids=["404 when planned", "404 when run", "403", "503 when planned", "503 when run"],
)
def test_an_error_is_told_and_nothing_is_published(
    space: Any, site: Website, objects: ObjectServer, statuses: list[int], code: str, tells: str
) -> None:
    write(space, site)
    site.statuses += statuses
    done = space.trc("run", "p.trc", code=1)
    assert f"error[{code}]" in done.err + done.out
    assert tells in done.err + done.out
    assert objects.all_keys() == []
    assert objects.uploads() == []


def test_what_passes_is_tried_again_and_what_does_not_is_not(space: Any, site: Website) -> None:
    retry = "retry = { attempts = 3, backoff = fixed, initial = 10ms, jitter = none }"
    write(space, site, 'output = csv("raw/a.csv")', retry)
    site.statuses += [0, 503, 503]
    assert states(space) == {"orders": "success", "total": "success"}
    assert len(site.gets()) == 3
    site.asked.clear()
    site.statuses += [0, 404]
    assert states(space, "--force", code=1)["orders"] == "failure"
    assert len(site.gets()) == 1


def test_a_resource_that_changes_while_it_comes_is_listed_anew(space: Any, site: Website) -> None:
    write(space, site, 'output = csv("raw/a.csv")', "retry = { attempts = 2, backoff = fixed, initial = 10ms }")
    site.cut.append(4)

    def change(asked: Any) -> None:
        if asked.headers.get("range"):
            site.before = lambda _asked: None
            site.put("/a.csv", "id,amount\n1,11\n")

    site.before = change
    # What was said of it is gone by for a while: the second attempt has to ask again.
    assert states(space) == {"orders": "success", "total": "success"}
    assert space.read("raw/a.csv") == "id,amount\n1,11\n"


def test_addresses_that_are_not_allowed_are_told_where_they_stand(space: Any, site: Website) -> None:
    write(space, site, 'output = csv("raw/a.csv")')
    (space.root / "trc.toml").unlink()
    done = space.trc("check", "p.trc", code=2)
    assert "error[TRC638]" in done.out + done.err
    assert "p.trc:3:" in done.out + done.err
    # Where a redirect leads is known when it is met.
    space.write("trc.toml", ALLOWED)
    site.redirects["/a.csv"] = "https://169.254.169.254/latest"
    done = space.trc("run", "p.trc", code=1)
    assert "error[TRC638]" in done.out + done.err
    assert re.search("redirects to where trc does not call: .* an address of a cloud's metadata", done.out + done.err)


@pytest.mark.parametrize(
    ("more", "code"),
    [('checksum = "md5:00000000000000000000000000000000"', "TRC676"), ("max_size = 18", "TRC677")],
)
def test_a_download_that_is_not_what_it_should_be(
    space: Any, site: Website, objects: ObjectServer, more: str, code: str
) -> None:
    write(space, site, more=more)
    done = space.trc("run", "p.trc", code=1)
    assert f"error[{code}]" in done.err + done.out
    assert objects.all_keys() == []
