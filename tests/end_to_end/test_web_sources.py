"""Queries and commands over what lies on the web: it is read as a file, known by its version, and called by the rules."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from tests.website import ALLOWED, Website, website

HOUR = "Fri, 02 Jan 2026 03:04:05 GMT"


@pytest.fixture
def site(space: Any) -> Iterator[Website]:
    space.write("trc.toml", ALLOWED)
    with website() as found:
        found.put("/data/rates.csv", "currency,rate\nUSD,0.9\nGBP,1.2\n")
        yield found


def write(space: Any, site: Website, more: str = "", source: str = "/data/rates.csv") -> None:
    space.write(
        "p.trc",
        f"""
pipeline "p" {{ }}

source rates = csv("{site.url}{source}")

task top = sql $$ select currency from rates order by rate desc limit 1 $$ {{
  output = csv("out/top.csv")
  {more}
}}
""",
    )


def run(space: Any) -> str:
    (task,) = space.trc("run", "p.trc", "--json").json["tasks"]
    return str(task["state"])


def refused(space: Any, code: str, exit_code: int = 1) -> str:
    done = space.trc("run", "p.trc", code=exit_code)
    said: str = done.err + done.out
    assert f"error[{code}]" in said, said
    return said


def top(space: Any) -> str:
    return (space.root / "out/top.csv").read_text().splitlines()[1]  # type: ignore[no-any-return]


def test_source_is_read_and_the_task_skipped_by_its_etag(space: Any, site: Website) -> None:
    write(space, site)
    assert run(space) == "success"
    assert top(space) == "GBP"
    assert len(site.gets()) == 1
    assert run(space) == "skipped"
    assert len(site.gets()) == 1
    site.put("/data/rates.csv", "currency,rate\nUSD,1.9\nGBP,1.2\n")
    assert run(space) == "success"
    assert top(space) == "USD"
    assert not list(space.root.glob(".trc/staging/fetched-*"))


def test_date_tells_the_version_where_there_is_no_etag(space: Any, site: Website) -> None:
    site.put("/data/rates.csv", "currency,rate\nUSD,0.9\n", etag="", modified=HOUR)
    write(space, site)
    assert [run(space), run(space)] == ["success", "skipped"]


def test_source_without_a_version_is_read_each_time(space: Any, site: Website) -> None:
    site.put("/data/rates.csv", "currency,rate\nUSD,0.9\n", etag="")
    write(space, site)
    assert [run(space), run(space)] == ["success", "success"]


def test_address_in_a_query_and_as_input_of_a_command(space: Any, site: Website) -> None:
    site.put("/packed/more.csv.gz", gzip.compress(b"currency,rate\nSEK,11.5\n"))
    url = f"{site.url}/data/rates.csv"
    space.write(
        "p.trc",
        f"""
pipeline "p" {{ }}
task all = sql $$
  select * from read_csv('{url}') union all by name select * from '{site.url}/packed/more.csv.gz?download=1' order by rate
$$ {{ output = csv("out/all.csv") }}
task lines = shell("wc -l < $TRC_INPUT_A > $TRC_OUTPUT_OUTPUT") {{ inputs = {{ a = "{url}" }}, output = file("out/lines") }}
""",
    )
    site.pages["/packed/more.csv.gz?download=1"] = site.pages["/packed/more.csv.gz"]
    space.trc("run", "p.trc")
    assert (space.root / "out/all.csv").read_text() == "currency,rate\nUSD,0.9\nGBP,1.2\nSEK,11.5\n"
    assert (space.root / "out/lines").read_text().strip() == "3"
    # Both read one copy.
    assert [one.path for one in site.gets()].count("/data/rates.csv") == 1
    assert {one["state"] for one in space.trc("run", "p.trc", "--json").json["tasks"]} == {"skipped"}


def test_source_that_changes_while_it_is_read_is_read_anew(space: Any, site: Website) -> None:
    """It breaks off, and what is there then is of another version."""
    write(space, site, 'retry = { attempts = 2, initial = "10ms" }')
    site.cut.append(20)

    def change(asked: Any) -> None:
        if asked.headers.get("range", "").startswith("bytes=20"):
            site.put("/data/rates.csv", "currency,rate\nUSD,1.9\nGBP,1.2\n")

    site.before = change
    (task,) = space.trc("run", "p.trc", "--json").json["tasks"]
    assert (task["state"], task["attempt"], top(space)) == ("success", 2, "USD")


def test_what_is_not_there_is_permanent_and_a_busy_server_is_not(space: Any, site: Website) -> None:
    write(space, site, 'retry = { attempts = 2, initial = "10ms" }', source="/data/none.csv")
    assert "after 2 attempts" not in refused(space, "TRC608")
    write(space, site, 'retry = { attempts = 3, initial = "10ms" }')
    site.statuses += [503] * 40
    assert "after 3 attempts" in refused(space, "TRC675")
    site.statuses.clear()
    site.statuses += [403] * 40
    assert "after" not in refused(space, "TRC674").partition("403")[0]
    site.statuses.clear()
    assert run(space) == "success"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://169.254.169.254/latest.csv", "metadata"),
        ("http://example.com/a.csv", "by http"),
        ("https://user:pw@example.com/a.csv", "user name"),
        ("https://10.0.0.1/a.csv", "10.0.0.1"),
        ("https://bucket.s3.amazonaws.com/a.csv?X-Amz-Signature=abc", "signature"),
    ],
)
def test_addresses_that_are_not_called(space: Any, url: str, said: str) -> None:
    space.write("trc.toml", ALLOWED)
    space.write(
        "p.trc",
        f"""
pipeline "p" {{ }}
source rates = csv("{url}")
task a = sql $$ select * from rates $$
task b = sql $$ select * from read_csv('{url}') $$
""",
    )
    told = space.trc("check", "p.trc", code=2).err
    assert told.count("error[TRC638]") == 2, told
    assert said in told


def test_redirect_to_an_address_that_is_not_called(space: Any, site: Website) -> None:
    site.redirects["/data/rates.csv"] = "http://169.254.169.254/latest.csv"
    write(space, site)
    assert "169.254.169.254" in refused(space, "TRC638")


def test_nothing_is_written_to_the_web(space: Any, site: Website) -> None:
    space.write(
        "p.trc", f'pipeline "p" {{ }}\ntask a = sql $$ select 1 as n $$ {{ output = csv("{site.url}/a.csv") }}\n'
    )
    assert f"{site.url}/a.csv" in space.trc("run", "p.trc", code=2).err


@pytest.mark.long
def test_stopped_run_leaves_nothing(space: Any, site: Website) -> None:
    """A server that sends the beginning, and then something else entirely."""
    write(space, site)
    site.cut += [0] * 40
    refused(space, "TRC675")
    assert not [path for path in space.root.glob(".trc/staging/**/*") if path.is_file()]
