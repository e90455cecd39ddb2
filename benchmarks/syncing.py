"""How fast `s3_sync` is against `aws s3 sync`, both with one endpoint on this machine: many small objects, and a large one."""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from measure import PYTHON, TRC, Cost, Row, cost, peak, rounds_of, table

SMALL = 1000
LARGE = 1 << 30
ROUNDS = {"small": 5, "large": 3}
AWS = [PYTHON, "-m", "awscli", "s3", "sync", "--only-show-errors"]
BUCKET = "bench"


def main() -> str:
    with tempfile.TemporaryDirectory(prefix="trc-bench-") as made, endpoint() as client:
        folder = Path(made)
        write_all(folder)
        rows = [
            *compared(folder, client, f"{SMALL:,} objects of 1 KiB", "small"),
            *compared(folder, client, "one object of 1 GiB", "large"),
        ]
        held = peak([*TRC, "run", project(folder, "large", "s3://bench/peak/")], folder)
    rows.append(Row("memory, of an upload of 1 GiB", held, 128, "MiB", 1.0))
    return table("Synchronising with S3: `s3_sync` against `aws s3 sync`", rows)


def compared(folder: Path, client: Any, what: str, name: str) -> Iterator[Row]:
    """Up into an empty prefix, again with nothing to do, and down into an empty folder."""
    up = Up(folder, client, name)
    yield ratio(f"{what}, up", rounds_of(ROUNDS[name], {"trc": up.trc, "aws": up.aws}))
    ours = project(folder, name, f"s3://{BUCKET}/{name}/")
    cost([*TRC, "run", ours], folder)
    same: dict[str, Callable[[], Cost]] = {
        "trc": lambda: cost([*TRC, "run", ours], folder),
        "aws": lambda: cost([*AWS, name, f"s3://{BUCKET}/{name}/"], folder),
    }
    yield ratio(f"{what}, nothing to do", rounds_of(ROUNDS[name], same))
    theirs = project(folder, f"s3://{BUCKET}/{name}/", "down-trc/")

    def down(who: str, command: list[str]) -> Cost:
        shutil.rmtree(folder / f"down-{who}", ignore_errors=True)
        return cost(command, folder)

    downs: dict[str, Callable[[], Cost]] = {
        "trc": lambda: down("trc", [*TRC, "run", theirs]),
        "aws": lambda: down("aws", [*AWS, f"s3://{BUCKET}/{name}/", "down-aws/"]),
    }
    yield ratio(f"{what}, down", rounds_of(ROUNDS[name], downs))


class Up:
    """Uploads, each into a prefix that is removed afterwards."""

    def __init__(self, folder: Path, client: Any, name: str) -> None:
        self._folder = folder
        self._client = client
        self._name = name

    def trc(self) -> Cost:
        return self._then_remove([*TRC, "run", project(self._folder, self._name, f"s3://{BUCKET}/up/")])

    def aws(self) -> Cost:
        return self._then_remove([*AWS, self._name, f"s3://{BUCKET}/up/"])

    def _then_remove(self, command: list[str]) -> Cost:
        found = cost(command, self._folder)
        sent = self._client.list_objects_v2(Bucket=BUCKET, Prefix="up/")["Contents"]
        wanted = SMALL if self._name == "small" else 1
        assert len(sent) == wanted, f"{len(sent)} objects were sent"
        self._client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": one["Key"]} for one in sent]})
        return found


def ratio(what: str, costs: dict[str, list[Cost]]) -> Row:
    """By the median of the rounds' own ratios."""
    ours, theirs = ([one.wall for one in costs[who]] for who in ("trc", "aws"))
    paired = statistics.median(a / b for a, b in zip(ours, theirs))
    return Row(what, statistics.median(ours), statistics.median(theirs), "s", 1.0, paired)


def project(folder: Path, source: str, destination: str) -> str:
    """The name of a pipeline that does it."""
    name = "".join(one if one.isalnum() else "_" for one in source + destination) + ".trc"
    source = source if "/" in source else source + "/"
    text = f'task sync = s3_sync {{\n  source = "{source}"\n  destination = "{destination}"\n}}\n'
    (folder / name).write_text(f'pipeline "sync" {{ }}\n{text}')
    return name


def write_all(folder: Path) -> None:
    (folder / "small").mkdir()
    for number in range(SMALL):
        (folder / "small" / f"{number:04}.bin").write_bytes(os.urandom(1024))
    (folder / "large").mkdir()
    with (folder / "large" / "one.bin").open("wb") as file:
        for _ in range(LARGE >> 20):
            file.write(os.urandom(1 << 20))


@contextmanager
def endpoint() -> Iterator[Any]:
    """A client of an endpoint in a process of its own, which the AWS configuration names while it is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        client: Any = import_module("boto3").client("s3", endpoint_url=url)
        client.create_bucket(Bucket=BUCKET)
        yield client
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    print(main())
