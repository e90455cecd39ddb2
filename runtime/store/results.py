"""Results: which key was committed with which outputs, and what is known of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from trc.runtime.spec import KeyPart
from trc.runtime.taskside.records import record
from trc.runtime.taskside.tuples import Tuples

VIEW = "view:"
"""Before the key of a task whose output is not stored: that is its digest."""


@record(frozen=True, slots=True)
class StoredOutput:
    """A published output: where its file lies (an absolute path), and the digest of its bytes.

    One that is a view has no file: whoever reads it computes it, and its digest tells its key. Of another, `columns`
    are those that were stored and `where` is the condition on its rows, None where they are all there.
    """

    name: str
    path: str
    digest: str
    size: int
    rows: int | None = None
    columns: tuple[str, ...] | None = None
    where: str | None = None
    also: tuple[str, ...] = ()
    """The digests that earlier forms of it had under the same key: of the same rows, kept in another shape."""
    tuples: Tuples | None = None
    """The digests by which those of its readers know it that do not read all of it."""
    home: str = ""
    """The equal task that has stored it, where that is another one than the task whose output it is."""
    members: tuple[tuple[str, StoredOutput], ...] | None = None
    """Of a task that is repeated, the names and outputs of its items in order; it has no file of its own."""

    @property
    def files(self) -> tuple[StoredOutput, ...]:
        """The outputs that it is made of, each with a file of its own."""
        return (self,) if self.members is None else tuple(output for _, output in self.members)

    @property
    def is_view(self) -> bool:
        return self.digest.startswith(VIEW)


@record(frozen=True, slots=True)
class Result:
    """A successful attempt's outputs, under the key that it was computed from.

    `parts` are what the key was made of, so that a later difference can be named: a tuple, or an
    equal sequence that a store reads when it is asked for.
    """

    pipeline: str
    task: str
    key: str
    parts: Sequence[KeyPart]
    outputs: tuple[StoredOutput, ...]
    run: str
    attempt: int
    committed_at: float
    returned: Mapping[str, Any] | None = None
    """What it returned besides: `values` for others, and `submitted` sub-tasks; None for nothing, which most do."""

    @property
    def values(self) -> Mapping[str, Any]:
        """The values that it returned for others."""
        values: Mapping[str, Any] = (self.returned or {}).get("values", {})
        return values

    @property
    def submitted(self) -> Sequence[Mapping[str, Any]]:
        """The sub-tasks that it submitted, as it wrote them."""
        submitted: Sequence[Mapping[str, Any]] = (self.returned or {}).get("submitted", ())
        return submitted


class ObjectIdentity(NamedTuple):
    """What an object store says of an object: with other bytes it has another ETag. `size` is in bytes."""

    etag: str
    size: int

    @property
    def digest(self) -> str:
        """What stands for its bytes in keys and results."""
        return f"etag:{self.etag}, {self.size} B"


class FileIdentity(NamedTuple):
    """What the file system says of a file: if none of it changed, neither did the bytes.

    Made and compared for each file at each look, which is why it is no dataclass.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int


class WebIdentity(NamedTuple):
    """What a web server says of a resource: its ETag or its date, empty where it tells neither, and its size in bytes, -1 likewise."""

    version: str
    size: int


Identity = FileIdentity | ObjectIdentity | WebIdentity
"""What tells that data did not change, without reading it."""


@record(frozen=True, slots=True)
class FileDigest:
    """A file's digest, when it was computed (ns since the epoch), and in which boot of the machine."""

    identity: FileIdentity
    digest: str
    hashed_at_ns: int
    boot_id: str


class Results(Protocol):
    """Committed results and cached digests of files. Commits go through the journal's transaction."""

    def latest(self, pipeline: str) -> Mapping[str, Result]:
        """The last committed result of each task of a pipeline."""
        ...

    def find(self, pipeline: str, task: str, key: str) -> Result | None:
        """The result that was committed last under exactly this key."""
        ...

    def digests(self, paths: Iterable[str]) -> Mapping[str, FileDigest]:
        """What is cached of the files at these paths."""
        ...

    def put_digests(self, digests: Mapping[str, FileDigest]) -> None:
        """Caches digests; losing them costs time, never an answer."""
        ...


class DigestCache(Protocol):
    """The cached digests, to be tidied."""

    def digest_paths(self) -> list[str]:
        """The paths of all files of which digests are cached."""
        ...

    def forget_digests(self, paths: Sequence[str]) -> None:
        """Removes cached digests."""
        ...
