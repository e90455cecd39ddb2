"""Archives as a worker unpacks them: what is wanted, piece by piece; traps are refused, and nothing is written beside."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from trc.runtime.taskside.order import OrderInput, OrderOutput, TaskOrder
from trc.runtime.taskside.result import AttemptResult
from trc.runtime.taskside.run import execute

FILES = {"a.csv": b"id\n1\n", "data/b.csv": b"id\n2\n", "data/notes.txt": b"hello"}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda body: body,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as archive:
        archive.mkdir("data")
        for name, body in files.items():
            archive.writestr(name, body)
    return held.getvalue()


def tarred(files: Mapping[str, bytes], packed: str = "", *more: tarfile.TarInfo) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
        for one in more:
            archive.addfile(one)
    return PACKERS[packed](held.getvalue())


def extract(folder: Path, body: bytes, *outputs: str, **params: Any) -> AttemptResult:
    (folder / "source").write_bytes(body)
    names = outputs or ("output",)
    order = TaskOrder(
        run="r7",
        pipeline="p",
        task="unpack",
        attempt=1,
        token="unpack/1",
        runs="trc.stdlib_tasks.s3_extract_archive.run:run",
        project=str(folder),
        log=str(folder / "log"),
        run_time="2026-01-01T00:00:00+00:00",
        idempotency_key="r7/unpack",
        params={"max_size": "16Gi", "max_ratio": 1000, **params},
        inputs=(OrderInput("source", "file", (str(folder / "source"),)),),
        outputs=tuple(OrderOutput(name, "file", str(folder / "out" / name)) for name in names),
    )
    (folder / "out").mkdir(exist_ok=True)
    return execute(TaskOrder.from_json(order.to_json()), lambda _done, _total: None)


def told(result: AttemptResult) -> str:
    assert result.failure is not None
    assert result.outputs == ()
    return f"{result.failure.kind} {result.failure.reason}: {result.failure.message}"


def broken(message: str) -> str:
    return f"permanent archive: the archive cannot be unpacked: {message}"


ARCHIVES = {
    "zip": zipped(FILES),
    "stored zip": zipped(FILES, zipfile.ZIP_STORED),
    **{f"tar {packed}": tarred(FILES, packed) for packed in PACKERS},
    "tar with dots": tarred({f"./{name}": body for name, body in FILES.items()}),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_members_come_out_as_they_went_in(tmp_path: Path, kind: str) -> None:
    outputs = {"first": {"member": "a.csv"}, "second": {"member": "data/b*.csv"}}
    result = extract(tmp_path, ARCHIVES[kind], "first", "second", outputs=outputs)
    assert result.failure is None
    assert (tmp_path / "out/first").read_bytes() == FILES["a.csv"]
    assert (tmp_path / "out/second").read_bytes() == FILES["data/b.csv"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out", "source"]


@pytest.mark.parametrize("packed", ["gz", "bz2", "xz"])
def test_a_packed_file_is_unpacked(tmp_path: Path, packed: str) -> None:
    body = bytes(range(256)) * 5000
    result = extract(tmp_path, PACKERS[packed](body))
    assert result.failure is None
    assert (tmp_path / "out/output").read_bytes() == body
    assert result.values == {"unpacked": len(body)}


def test_without_its_package_zstd_is_told_what_to_do(tmp_path: Path) -> None:
    said = told(extract(tmp_path, b"\x28\xb5\x2f\xfd"))
    assert said.startswith('permanent error: this Python cannot unpack zstd\nadd "zstandard" to the requirements')


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../evil", "..\\evil", "C:\\evil", "\\\\host\\x"])
@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
def test_names_that_lead_out_are_refused_wanted_or_not(
    tmp_path: Path, name: str, pack: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    result = extract(tmp_path, pack({"a.csv": b"x", name: b"evil"}), member="a.csv")
    assert told(result).startswith(broken("it holds a name that leads out of it: "))
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize(
    ("kind", "to"), [(tarfile.SYMTYPE, "/etc/passwd"), (tarfile.SYMTYPE, "../../x"), (tarfile.LNKTYPE, "../x")]
)
def test_links_that_lead_out_are_refused(tmp_path: Path, kind: bytes, to: str) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = kind, to
    assert "leads out of it" in told(extract(tmp_path, tarred({"a.csv": b"x"}, "", link), member="a.csv"))


def test_only_plain_files_are_unpacked(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "a.csv"
    assert told(extract(tmp_path, tarred({"a.csv": b"x"}, "", link), member="link")) == broken(
        '"link" is no plain file'
    )
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "a.csv")
    assert told(extract(tmp_path, held.getvalue(), member="link")) == broken('"link" is a link')


@pytest.mark.parametrize(
    "body",
    [
        zipped({"a.bin": bytes(100 << 20)}),
        tarred({"a.bin": bytes(100 << 20)}, "gz"),
        tarred({"b.bin": bytes(100 << 20), "a.bin": b"x"}, "bz2"),
    ],
    ids=["zip", "tar", "a tar's other member"],
)
def test_what_swells_beyond_measure_is_refused(tmp_path: Path, body: bytes) -> None:
    result = extract(tmp_path, body, member="a.bin", max_ratio=100)
    assert told(result) == (
        "permanent archive_size: the archive unpacks to more than the 100 times its size that max_ratio allows"
    )
    assert extract(tmp_path, body, member="a.bin", max_ratio=10_000_000).failure is None


def test_a_packed_file_that_swells_beyond_measure_is_refused(tmp_path: Path) -> None:
    assert told(extract(tmp_path, gzip.compress(bytes(100 << 20)), max_ratio=100)).startswith(
        "permanent archive_size: "
    )


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
def test_more_than_is_allowed_is_refused(tmp_path: Path, pack: Callable[[Mapping[str, bytes]], bytes]) -> None:
    body = pack({"a.bin": bytes(200_000)})
    assert "that max_size allows" in told(extract(tmp_path, body, member="a.bin", max_size="100Ki"))
    assert extract(tmp_path, body, member="a.bin", max_size="300Ki").failure is None


def test_a_zip_that_lies_about_its_size_is_noticed(tmp_path: Path) -> None:
    body = bytearray(zipped({"a.bin": bytes(200_000)}))
    true, false = (200_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    assert body.count(true) == 2
    assert told(extract(tmp_path, bytes(body.replace(true, false)), member="a.bin")).startswith(
        broken("it is broken: ")
    )


@pytest.mark.parametrize(
    ("body", "params", "says"),
    [
        (zipped(FILES)[:-30], {"member": "a.csv"}, "it is broken: File is not a zip file"),
        (zipped(FILES).replace(b"id\n1", b"id\n9"), {"member": "a.csv"}, ""),
        (tarred(FILES)[:600], {"member": "data/b.csv"}, "it is broken: unexpected end of data"),
        (tarred(FILES, "gz")[:60], {"member": "data/b.csv"}, "it is broken: Compressed file ended"),
        (gzip.compress(b"x" * 5000)[:-4], {}, "it is broken: Compressed file ended"),
        (gzip.compress(b"x")[:-8] + bytes(8), {}, "it is broken: CRC check failed"),
        (lzma.compress(b"x" * 5000)[:-20], {}, "it is broken: Compressed file ended"),
        (bz2.compress(b"x" * 5000)[:-20], {}, "it is broken: Compressed file ended"),
        (b"plain text", {}, "its first bytes are those of no archive that is known; say what it is with kind"),
        (b"", {}, "its first bytes are those of no archive"),
        (zipped(FILES), {}, "it is an archive (zip): say which file of it is wanted, with member"),
        (zipped(FILES), {"member": "c.csv"}, 'it holds no file "c.csv"; it holds: a.csv, data/b.csv, data/notes.txt'),
        (tarred(FILES), {"member": "c.csv"}, 'it holds no file "c.csv"; it holds: a.csv, data/b.csv, data/notes.txt'),
        (zipped(FILES), {"member": "*.csv"}, '"a.csv" and "data/b.csv" both match "*.csv"'),
        (tarred(FILES), {"member": "*.csv"}, '"a.csv" and "data/b.csv" both match "*.csv"'),
        (gzip.compress(b"x"), {"member": "a", "kind": "gz"}, "it is a single file, packed by gz"),
    ],
    ids=[
        "cut zip",
        "other bytes",
        "cut tar",
        "cut tar.gz",
        "cut gz",
        "bad crc",
        "cut xz",
        "cut bz2",
        "text",
        "empty",
        "zip without member",
        "no such member in zip",
        "no such member in tar",
        "two match in zip",
        "two match in tar",
        "member of gz",
    ],
)
def test_what_cannot_be_unpacked_says_why(tmp_path: Path, body: bytes, params: Any, says: str) -> None:
    if not says:
        body, says = zipped(FILES, zipfile.ZIP_STORED).replace(b"id\n1", b"id\n9"), "it is broken: Bad CRC-32"
    assert told(extract(tmp_path, body, **params)).startswith(broken(says))


def test_an_encrypted_member_is_told_as_that(tmp_path: Path) -> None:
    body = bytearray(zipped({"a.csv": b"x"}, zipfile.ZIP_STORED))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = body.rindex(mark) + place
        body[start] |= 1
    assert told(extract(tmp_path, bytes(body), member="a.csv")) == broken('"a.csv" is encrypted')


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.csv", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.csv", "2")
    assert told(extract(tmp_path, held.getvalue(), member="a.csv")) == broken("it holds two files of one name")


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "gz"])
def test_memory_does_not_grow_with_the_archive(tmp_path: Path, kind: str) -> None:
    big = bytes(range(256)) * (256 << 10)
    files = {"a.bin": big}
    body = zipped(files) if kind == "zip" else tarred(files, "gz") if kind == "tar.gz" else gzip.compress(big)
    params = {} if kind == "gz" else {"member": "a.bin"}
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    assert extract(tmp_path, body, **params).failure is None
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("body", [zipped({"a.csv": b"id\n1\n"}), tarred({"a.csv": b"id\n1\n"})], ids=["zip", "tar"])
def test_a_full_disk_is_not_a_broken_archive(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/output").symlink_to("/dev/full")
    failure = extract(tmp_path, body, member="a.csv").failure
    assert failure is not None
    assert failure.kind != "permanent"
    assert "No space left on device" in failure.message
