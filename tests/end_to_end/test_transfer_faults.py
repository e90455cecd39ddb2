"""Each task type that moves data, with each fault on its way: it survives, or fails for what it is, and publishes nothing half."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.faulty import Fault, Faulty, Passing, Rule, faulty
from tests.objects import ObjectServer
from tests.repositories import GitServer, Repository, git_server
from tests.website import ALLOWED, Website, website

OLD = b"what was there before"
ROWS = 20_000


def rows(first: int) -> bytes:
    """So many that half of them is less."""
    return b"id,amount\n" + b"".join(b"%d,%d\n" % (first + n, n % 7) for n in range(ROWS))


def zipped(content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.csv", content)
    return held.getvalue()


def csv_of(content: bytes, path: Path) -> bytes:
    """The rows of a Parquet file as they stood in the CSV."""
    import duckdb

    path.write_bytes(content)
    found = duckdb.connect().execute("select id, amount from read_parquet(?)", [str(path)]).fetchall()
    return b"id,amount\n" + b"".join(b"%d,%d\n" % row for row in found)


def counted(content: bytes) -> bytes:
    """How many rows it has, and the first one's number, as CSV."""
    return b"n,least\n%d,%d\n" % (content.count(b"\n") - 1, int(content.split(b"\n")[1].split(b",")[0]))


def database(content: bytes, path: Path) -> None:
    """The rows of a CSV as the only table of a database."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("drop table if exists sold")
        connection.execute("create table sold (id integer, amount integer)")
        lines = (line.split(b",") for line in content.splitlines()[1:])
        connection.executemany("insert into sold values (?, ?)", [(int(a), int(b)) for a, b in lines])


def csv_of_database(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("select id, amount from sold order by id").fetchall()
    return b"id,amount\n" + b"".join(b"%d,%d\n" % row for row in found)


@dataclass(frozen=True)
class Kind:
    """A task type: its task, what it reads, and what comes of that. `{web}` is the web server behind the proxy."""

    task: str
    source: str
    """The object or the page that it reads; `git:` a file of the repository, `file:` one of this machine."""
    pack: Callable[[bytes], bytes] = bytes
    made: Callable[[bytes], bytes] = bytes
    sink: str = "out/data.csv"
    """The object that it writes; `file:` a file of this machine."""
    is_copied: bool = False
    """Whether the server has both, and copies one to the other."""
    has_parts: bool = True
    """Whether it is sent in parts, which are put in their place together."""

    def takes(self, case: str) -> bool:
        """Whether such a fault can be in its way: what lies on this machine is reached by no proxy."""
        side = case.partition(":")[0]
        if side == "read":
            return not self.source.startswith("file:")
        return not self.sink.startswith("file:") and (self.has_parts or side != "complete")


KINDS = {
    "download": Kind(
        'download_to_s3 { url = "{web}/a.csv", s3_uri = "s3://lake/out/data.csv", idle_timeout = 5s', source="/a.csv"
    ),
    "extract": Kind(
        's3_extract_archive { src_uri = "s3://lake/raw/a.zip", member = "a.csv", output = csv("s3://lake/out/data.csv")',
        source="raw/a.zip",
        pack=zipped,
    ),
    "unpack": Kind(
        's3_extract_archive { src_uri = "s3://lake/raw/a.gz", output = csv("s3://lake/out/data.csv")',
        source="raw/a.gz",
        pack=gzip.compress,
    ),
    "query": Kind(
        "sql $$ select count(*) as n, min(id) as least from read_csv('s3://lake/raw/*.csv') $$ "
        '{ output = csv("s3://lake/out/data.csv")',
        source="raw/a.csv",
        made=counted,
    ),
    "convert": Kind(
        's3_json_to_parquet_duckdb { src_glob = "s3://lake/raw/*.csv", dst_uri = "s3://lake/out/data.parquet"',
        source="raw/a.csv",
        sink="out/data.parquet",
    ),
    "command": Kind(
        'shell("cat $TRC_INPUT_A > $TRC_OUTPUT_OUTPUT") '
        '{ inputs = { a = "s3://lake/raw/a.csv" }, output = csv("s3://lake/out/data.csv")',
        source="raw/a.csv",
    ),
    "request": Kind(
        'http_request { url = "{web}/a.csv", output = csv("s3://lake/out/data.csv"), idle_timeout = 5s', source="/a.csv"
    ),
    "query of the web": Kind(
        "sql $$ select count(*) as n, min(id) as least from read_csv('{web}/a.csv') $$ "
        '{ output = csv("s3://lake/out/data.csv")',
        source="/a.csv",
        made=counted,
    ),
    "sync up": Kind(
        's3_sync { source = "data/", destination = "s3://lake/out/"', source="file:data/data.csv", has_parts=False
    ),
    "sync down": Kind(
        's3_sync { source = "s3://lake/raw/", destination = "out/"', source="raw/data.csv", sink="file:out/data.csv"
    ),
    "sync across": Kind(
        's3_sync { source = "s3://lake/raw/", destination = "s3://lake/out/"',
        source="raw/data.csv",
        is_copied=True,
        has_parts=False,
    ),
    "clone": Kind(
        'git_clone_to_s3 { url = "{web}/shop", destination = "s3://lake/out/", idle_timeout = 5s',
        source="git:data.csv",
        has_parts=False,
    ),
    "extract rows": Kind(
        'sql_extract { engine = "sqlite", path = "shop.db", query = "select id, amount from sold order by id", '
        'output = csv("s3://lake/out/data.csv")',
        source="file:shop.db",
    ),
    "load rows": Kind(
        'sql_load { engine = "sqlite", path = "shop.db", table = "sold", source = "s3://lake/raw/a.csv", mode = "replace"',
        source="raw/a.csv",
        sink="file:shop.db",
    ),
}
WEB = ("download", "request", "clone", "query of the web")


@dataclass
class Way:
    """From a task to what it reads and to what it writes, with a proxy before each."""

    space: Any
    objects: ObjectServer
    site: Website
    repository: Repository
    store: Faulty
    web: Faulty
    kind: Kind

    def put(self, content: bytes) -> None:
        packed, (scheme, _, name) = self.kind.pack(content), self.kind.source.rpartition(":")
        if scheme == "git":
            self.repository.commit(name, **{name.replace(".", "_"): packed})
        elif scheme == "file":
            self.put_file(name, packed)
        elif name.startswith("/"):
            self.site.put(name, packed)
        else:
            self.objects.put(name, packed)

    def put_file(self, name: str, content: bytes) -> None:
        path = self.space.root / name
        path.parent.mkdir(exist_ok=True)
        if name.endswith(".db"):
            database(content, path)
        else:
            path.write_bytes(content)

    def remove(self) -> None:
        scheme, _, name = self.kind.source.rpartition(":")
        if scheme == "git":
            self.repository.folder.rename(self.repository.folder.with_name("gone"))
        elif name.startswith("/"):
            self.site.pages.pop(name, None)
        else:
            self.objects.client.delete_object(Bucket="lake", Key=name)

    def hinder(self, on: str, fault: Fault, first: int = 0, times: int = 1_000_000) -> None:
        """Has the fault happen on `read` (of the source's bytes), or on `write` (to the sink)."""
        scheme, _, name = self.kind.source.rpartition(":")
        proxy = self.web if on == "read" and (scheme == "git" or name.startswith("/")) else self.store
        source, sink = f"/{name}".replace("//", "/"), f"/lake/{self.kind.sink}"

        def fits(passing: Passing) -> bool:
            # Of what a server copies, nobody else reads the bytes: it is asked to write them.
            if on == "write" or self.kind.is_copied:
                return passing.method in ("PUT", "POST") and passing.path.startswith(sink)
            if scheme == "git":
                return passing.method == "POST"
            return passing.method == "GET" and passing.path in (source, f"/lake{source}")

        proxy.rules.append(Rule(fits, fault, first, times))

    def complete(self, fault: Fault, times: int) -> None:
        """Has it happen where an upload of parts is put in its place."""

        def fits(passing: Passing) -> bool:
            return passing.method == "POST" and "uploadId" in passing.query

        self.store.rules.append(Rule(fits, fault, 0, times))

    def run(self) -> tuple[str, int, str]:
        """The task's state, its attempts, and the code that is told of it."""
        task = self.kind.task.replace("{web}", self.web.url)
        self.space.write(
            "p.trc", f'pipeline "p" {{ }}\ntask moved = {task}, retry = {{ attempts = 2, initial = "10ms" }} }}\n'
        )
        done = self.space.trc("run", "p.trc", "--json", code=None)
        (told,) = done.json["tasks"]
        codes = [one["code"] for one in done.json.get("diagnostics", ()) if one["severity"] == "error"]
        return told["state"], told["attempt"], codes[0] if codes else ""

    def found(self) -> str:
        """What lies at the sink: what was there before, or what came of the first or the second state of the source."""
        content = self.content()
        if content == OLD:
            return "old"
        if self.kind.sink.endswith(".parquet"):
            content = csv_of(content, self.space.root / "found.parquet")
        known = {self.kind.made(rows(first)): name for first, name in ((1, "first"), (2, "second"))}
        return known.get(content, f"something else: {content[:40]!r}")

    def content(self) -> bytes:
        scheme, _, name = self.kind.sink.rpartition(":")
        if not scheme:
            return self.objects.read(name)
        path = self.space.root / name
        if not path.exists():
            return OLD
        return csv_of_database(path) if name.endswith(".db") else path.read_bytes()

    def others(self) -> set[str]:
        """What else has appeared than the source and the sink."""
        return {one for one in self.objects.all_keys() if "/.trc/" not in one} - {self.kind.sink, self.kind.source}


@pytest.fixture
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_server(tmp_path_factory.mktemp("repositories")) as found:
        yield found


@pytest.fixture
def way(kind: str, space: Any, objects: ObjectServer, git: GitServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    reads = KINDS[kind].source
    with (
        website() as site,
        faulty(objects.url) as store,
        faulty(git.url if reads.startswith("git:") else site.url) as web,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
        space.write("trc.toml", ALLOWED)
        found = Way(space, objects, site, git.repository(), store, web, KINDS[kind])
        if not found.kind.sink.startswith("file:"):
            objects.put(found.kind.sink, OLD)
        found.put(rows(1))
        yield found


@dataclass(frozen=True)
class Case:
    """A fault, and what becomes of a task with two attempts: its state, its attempts, what is told, what lies at the sink.

    The web answers single requests of a task, where the client of a store asks again by itself: `web` is what is else there.
    """

    hinder: Callable[[Way], None]
    outcome: tuple[str, int, str, str]
    web: tuple[str, int, str, str] | None = None
    others: Mapping[str, tuple[str, int, str, str]] = field(default_factory=dict)
    orphans: bool = False
    """Whether an upload is left that nobody ever told the name of."""


SURVIVES = ("success", 1, "", "first")
AGAIN = ("success", 2, "", "first")
RENEWED = ("success", 2, "", "second")
EMPTY = ("success", 2, "", "old")
BUSY = ("failure", 2, "TRC673", "old")
DENIED = ("failure", 1, "TRC671", "old")

CASES = {
    "read: dropped once": Case(lambda way: way.hinder("read", Fault("drop"), times=1), SURVIVES, AGAIN),
    "read: dropped": Case(lambda way: way.hinder("read", Fault("drop")), BUSY, ("failure", 2, "TRC675", "old")),
    "read: cut once": Case(
        lambda way: way.hinder("read", Fault("cut"), times=1), SURVIVES, others={"request": AGAIN, "clone": AGAIN}
    ),
    "read: cut": Case(
        lambda way: way.hinder("read", Fault("cut")),
        BUSY,
        ("failure", 2, "TRC675", "old"),
        # The server has copied it, and only its answer was cut: that is seen when it is looked at again.
        others={"sync across": AGAIN},
    ),
    "read: slow down once": Case(lambda way: way.hinder("read", Fault("answer"), times=1), SURVIVES, AGAIN),
    "read: slow down": Case(lambda way: way.hinder("read", Fault("answer")), BUSY, ("failure", 2, "TRC675", "old")),
    "read: denied": Case(
        lambda way: way.hinder("read", Fault("answer", 403, "AccessDenied")), DENIED, ("failure", 1, "TRC674", "old")
    ),
    "read: delayed": Case(lambda way: way.hinder("read", Fault(delay=0.2)), SURVIVES),
    "read: changes between plan and run": Case(
        lambda way: way.hinder("read", Fault(also=lambda: way.put(rows(2))), times=1),
        RENEWED,
        others={"request": ("success", 1, "", "second")},
    ),
    "read: changes while it is read": Case(
        lambda way: way.hinder("read", Fault(then=lambda: way.put(rows(2))), times=1), RENEWED, SURVIVES
    ),
    "read: vanishes between plan and run": Case(
        lambda way: way.hinder("read", Fault(also=way.remove), times=1),
        ("failure", 2, "TRC608", "old"),
        ("failure", 1, "TRC608", "old"),
        # Below a prefix nothing is as good as something.
        others={"sync down": EMPTY, "sync across": EMPTY},
    ),
    "write: dropped once": Case(lambda way: way.hinder("write", Fault("drop"), times=1), SURVIVES),
    "write: lost once": Case(lambda way: way.hinder("write", Fault("lose"), times=1), SURVIVES, orphans=True),
    "write: dropped": Case(lambda way: way.hinder("write", Fault("drop")), BUSY),
    "write: slow down once": Case(lambda way: way.hinder("write", Fault("answer"), times=1), SURVIVES),
    "write: slow down": Case(lambda way: way.hinder("write", Fault("answer")), BUSY),
    "write: denied": Case(lambda way: way.hinder("write", Fault("answer", 403, "AccessDenied")), DENIED),
    "write: error": Case(lambda way: way.hinder("write", Fault("answer", 500, "InternalError")), BUSY),
    "complete: lost once": Case(lambda way: way.complete(Fault("lose"), 1), SURVIVES),
    # It is there, and whole; nobody could be told so.
    "complete: lost": Case(lambda way: way.complete(Fault("lose"), 99), ("failure", 2, "TRC673", "first")),
    "complete: dropped": Case(lambda way: way.complete(Fault("drop"), 99), BUSY),
}
QUICK_KINDS = ("download", "convert")
QUICK_CASES = ("read: changes between plan and run", "read: vanishes between plan and run")


def table() -> Iterator[Any]:
    for kind, described in KINDS.items():
        for name in filter(described.takes, CASES):
            is_quick = (kind in QUICK_KINDS and name.endswith(("once", "run", "denied"))) or name in QUICK_CASES
            yield pytest.param(kind, name, id=f"{kind}, {name}", marks=() if is_quick else pytest.mark.long)


@pytest.mark.parametrize(("kind", "name"), list(table()))
def test_task_survives_or_fails_for_what_it_is(way: Way, kind: str, name: str) -> None:
    case = CASES[name]
    case.hinder(way)
    told = way.run()
    wanted = case.others.get(kind, (kind in WEB and case.web) or case.outcome)
    assert (*told, way.found()) == wanted
    assert way.store.hit or way.web.hit, "the fault did not happen"
    assert way.others() == set()
    assert bool(way.objects.uploads()) == (case.orphans and way.kind.has_parts)
    assert not list(way.space.root.glob(".trc/staging/fetched-*"))
    assert not [path for path in way.space.root.glob(".trc/staging/**/*") if path.is_file()]


@pytest.mark.long
@pytest.mark.parametrize("kind", [name for name, one in KINDS.items() if one.takes("read")])
def test_run_after_the_fault_goes_on(way: Way) -> None:
    """What failed for a fault that has passed is made good by the next run, which finds nothing in its way."""
    way.hinder("read", Fault("drop"))
    assert way.run()[0] == "failure"
    way.store.rules.clear()
    way.web.rules.clear()
    assert (way.run()[0], way.found()) == ("success", "first")
