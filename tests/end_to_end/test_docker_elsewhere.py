"""Data that lies elsewhere, for tasks in containers: trc moves it, and a task sees files of its own alone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engine import BASE, engine
from tests.environments import cache, index
from tests.objects import ObjectServer
from tests.website import ALLOWED, website

__all__ = ["cache", "engine", "index"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine", "cache", "index")]

PIPELINE = """
pipeline "shop" { }

source orders = csv("s3://lake/raw/*.csv") { columns { id: bigint, amount: double } }

task total = sql $$ select sum(amount) as total from orders $$ { output = parquet("s3://lake/out/total.parquet") }

task told = python("code.py:tell") { input = total, output = file("s3://lake/out/told.txt") }
"""
CODE = """
import os

def tell(context):
    assert not [name for name in os.environ if name.startswith("AWS")]
    with open(context.inputs["total"].path, "rb") as file, open(context.output.path, "w") as out:
        out.write(file.read(4).decode() + context.output.uri)
    if os.path.exists("stop"):
        raise ValueError("it was told to stop")
"""


def states(space: Any, *arguments: str, code: int = 0) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", "--backend", "docker", *arguments, code=code).json
    return {task["task"]: task["state"] for task in report["tasks"]}


def test_objects_are_read_and_written_by_containers_without_a_network(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/a.csv", "id,amount\n1,10\n2,5\n")
    space.write("p.trc", PIPELINE)
    space.write("code.py", CODE)
    space.write("trc.toml", f'[docker]\nbase = "{BASE}"\nnetwork = "none"\n')
    assert states(space) == {"total": "success", "told": "success"}
    assert objects.read("out/told.txt") == b"PAR1s3://lake/out/told.txt"
    assert not list(space.root.glob(".trc/staging/fetched-*"))
    # What containers wrote, this machine skips, and the other way round.
    assert {one["state"] for one in space.trc("run", "p.trc", "--json").json["tasks"]} == {"skipped"}
    # A failed attempt publishes nothing.
    space.write("stop", "")
    assert states(space, "--force", code=1) == {"total": "success", "told": "failure"}
    assert sorted(objects.all_keys()) == ["out/told.txt", "out/total.parquet", "raw/a.csv"]


def test_a_download_runs_in_a_container_and_may_not_go_everywhere_either(space: Any, objects: ObjectServer) -> None:
    with website() as site:
        address = site.put("/a.csv", "id,amount\n1,10\n2,5\n")
        space.write(
            "p.trc",
            f"""
            pipeline "p" {{ }}
            task orders = download_to_s3 {{
              url = "{address}"
              s3_uri = "s3://lake/raw/a.csv"
            }}
            task total = sql $$ select sum(amount) as total from orders $$ {{ output = csv("out/total.csv") }}
            """,
        )
        space.write("trc.toml", f'{ALLOWED}[docker]\nbase = "{BASE}"\nnetwork = "host"\n')
        assert states(space) == {"orders": "success", "total": "success"}
        assert objects.read("raw/a.csv") == site.pages["/a.csv"].body
        assert space.read("out/total.csv") == "total\n15\n"
        # What is allowed is allowed there, and nothing else.
        site.redirects["/a.csv"] = f"http://localhost:{site.port}/a.csv"
        done = space.trc("run", "p.trc", "--force", "--backend", "docker", code=1)
        assert "error[TRC638]" in done.err


def test_a_prefix_is_synchronised_without_a_container(space: Any, objects: ObjectServer) -> None:
    space.write("data/a.csv", "id\n1\n")
    space.write("p.trc", 'pipeline "p" { }\ntask m = s3_sync { source = "data/", destination = "s3://lake/x/" }\n')
    space.write("trc.toml", f'[docker]\nbase = "{BASE}"\nnetwork = "none"\n')
    assert states(space) == {"m": "success"}
    assert objects.all_keys() == ["x/a.csv"]
