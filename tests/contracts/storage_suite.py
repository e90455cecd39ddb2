"""What every storage does: implementations subclass `PlaceSuite`, and those of file systems `StorageSuite` as well."""

import hashlib
from pathlib import Path
from typing import Protocol

import pytest

from trc.runtime.storage.base import Storage
from trc.runtime.storage.errors import PublishError, StorageError


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Place(Protocol):
    """Somewhere that the storage sees, and that others write to."""

    def at(self, name: str) -> str:
        """The location of a name, which may be a pattern."""
        ...

    def write(self, name: str, content: bytes) -> None: ...

    def read(self, name: str) -> bytes: ...

    def remove(self, name: str) -> None: ...

    def names(self) -> list[str]:
        """All that lies there and can be seen, sorted."""
        ...

    def refuses(self, name: str) -> None:
        """From now on nothing can be put there under that name."""
        ...


def staged(storage: Storage, final: str, token: str, content: bytes, name: str = "output") -> str:
    path = storage.staging_path(final, token, name)
    Path(path).write_bytes(content)
    return path


class PlaceSuite:
    """`place` is where the storage's data lies."""

    def test_what_is_nowhere_is_nothing(self, storage: Storage, place: Place) -> None:
        for name in ("missing.csv", "no/such/missing.csv"):
            assert storage.list(place.at(name)) == ()
            assert storage.identity(place.at(name)) is None
            assert storage.digest(place.at(name)) is None
            assert storage.content(place.at(name)) is None
        storage.prefetch([place.at("missing.csv"), place.at("other.csv")])
        assert storage.list(place.at("*.csv")) == ()

    @pytest.mark.parametrize(
        ("pattern", "met"),
        [
            ("*.csv", [".h.csv", "C.csv", "a.csv", "b.csv"]),
            ("[ab].csv", ["a.csv", "b.csv"]),
            ("[!a].csv", ["C.csv", "b.csv"]),
            ("?.*", ["C.csv", "a.csv", "a.json", "b.csv"]),
            ("*/x.csv", ["day=1/x.csv"]),
            ("**/*.csv", [".h.csv", "C.csv", "a.csv", "b.csv", "day=1/deep/y.csv", "day=1/x.csv"]),
            ("day=1/**", ["day=1/deep/y.csv", "day=1/x.csv"]),
            ("a.csv", ["a.csv"]),
            ("day=1", []),
        ],
    )
    def test_patterns_meet_the_same_everywhere(
        self, storage: Storage, place: Place, pattern: str, met: list[str]
    ) -> None:
        names = ["b.csv", "a.csv", "C.csv", ".h.csv", "a.json", "day=1/x.csv", "day=1/deep/y.csv", ".trc/z.csv"]
        for name in [*names, "day=1/.trc/staging/z.csv"]:
            place.write(name, name.encode())
        assert storage.list(place.at(pattern)) == tuple(place.at(name) for name in met)

    def test_two_wildcards_for_any_folders_are_refused(self, storage: Storage, place: Place) -> None:
        with pytest.raises(StorageError, match="more than once"):
            storage.list(place.at("**/a/**"))

    def test_other_bytes_have_another_identity(self, storage: Storage, place: Place) -> None:
        place.write("a.csv", b"one")
        first = storage.content(place.at("a.csv"))
        assert first is not None
        assert (storage.identity(place.at("a.csv")), storage.digest(place.at("a.csv"))) == first
        place.write("a.csv", b"two")
        second = storage.content(place.at("a.csv"))
        assert second is not None
        assert second[0] != first[0]
        assert second[1] != first[1]
        place.remove("a.csv")
        assert storage.content(place.at("a.csv")) is None

    @pytest.mark.parametrize("size", [0, 1, 70_000, 300_000])
    def test_what_is_published_is_whole_and_known(self, storage: Storage, place: Place, size: int) -> None:
        content = bytes(number % 251 for number in range(size))
        final = place.at("out/a.bin")
        path = staged(storage, final, "t1", content)
        assert storage.list(place.at("**")) == ()
        assert place.names() == []
        storage.publish(path, final)
        assert place.read("out/a.bin") == content
        known = storage.adopt(final, sha256(content))
        assert storage.digest(final) == known
        assert not Path(path).exists()
        assert place.names() == ["out/a.bin"]

    def test_equal_bytes_are_known_by_equal_digests(self, storage: Storage, place: Place) -> None:
        digests = set()
        for token in ("t1", "t2"):
            final = place.at(f"{token}.bin")
            storage.publish(staged(storage, final, token, b"x" * 100_000), final)
            digests.add(storage.adopt(final, sha256(b"x" * 100_000)))
        assert len(digests) == 1

    def test_all_are_published_or_none(self, storage: Storage, place: Place) -> None:
        place.write("a.csv", b"old")
        place.refuses("c.csv")
        finals = [place.at(name) for name in ("a.csv", "b.csv", "c.csv")]
        files = [(staged(storage, final, "t1", b"new", f"o{number}"), final) for number, final in enumerate(finals)]
        before = place.names()
        with pytest.raises(StorageError):
            storage.publish_all(files)
        assert place.read("a.csv") == b"old"
        assert place.names() == before
        storage.publish_all(
            [(staged(storage, final, "t2", b"new", f"o{n}"), final) for n, final in enumerate(finals[:2])]
        )
        assert place.read("a.csv") == place.read("b.csv") == b"new"

    def test_what_is_not_staged_is_not_published(self, storage: Storage, place: Place) -> None:
        final = place.at("a.csv")
        with pytest.raises(PublishError, match="is gone before it was published"):
            storage.publish(storage.staging_path(final, "t1", "output"), final)
        assert place.names() == []

    def test_what_is_discarded_is_gone(self, storage: Storage, place: Place) -> None:
        path = staged(storage, place.at("a.csv"), "t1", b"x")
        storage.discard(path)
        storage.discard(path)
        assert not Path(path).exists()
        assert place.names() == []


class StorageSuite:
    """`root` is a folder whose files the storage sees."""

    # Files

    def test_what_is_not_there_is_nothing(self, storage: Storage, root: Path) -> None:
        missing = str(root / "missing.csv")
        assert storage.list(missing) == ()
        assert storage.list(str(root / "*.csv")) == ()
        assert storage.list(str(root / "no" / "folder" / "*.csv")) == ()
        assert storage.identity(missing) is None
        assert storage.digest(missing) is None
        storage.prefetch([missing])
        storage.flush()

    def test_a_folder_is_no_file(self, storage: Storage, root: Path) -> None:
        assert storage.list(str(root)) == ()
        assert storage.identity(str(root)) is None
        assert storage.digest(str(root)) is None
        file = root / "a.csv"
        file.write_text("a")
        assert storage.identity(str(file / "below")) is None
        assert storage.digest(str(file / "below")) is None
        assert storage.list(str(file / "below")) == ()
        assert storage.list(str(file / "*")) == ()

    def test_files_are_listed_sorted(self, storage: Storage, root: Path) -> None:
        for name in ("b.csv", "a.csv", "C.csv", ".h.csv", "a.json"):
            (root / name).write_text(name)
        found = [Path(file).name for file in storage.list(str(root / "*.csv"))]
        assert found == [".h.csv", "C.csv", "a.csv", "b.csv"]
        assert storage.list(str(root / "a.csv")) == (str(root / "a.csv"),)

    @pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 * (1 << 20) + 5])
    def test_a_digest_is_that_of_all_bytes(self, storage: Storage, root: Path, size: int) -> None:
        content = bytes(number % 251 for number in range(size % 1000)) + b"x" * (size - size % 1000)
        file = root / "a.bin"
        file.write_bytes(content)
        assert storage.digest(str(file)) == sha256(content)

    def test_a_changed_file_has_another_identity_and_digest(self, storage: Storage, root: Path) -> None:
        file = root / "a.csv"
        file.write_bytes(b"one")
        first = storage.identity(str(file))
        assert storage.digest(str(file)) == sha256(b"one")
        aside = root / "aside"
        aside.write_bytes(b"two")
        aside.replace(file)
        assert storage.identity(str(file)) != first
        assert storage.digest(str(file)) == sha256(b"two")
        file.unlink()
        assert storage.digest(str(file)) is None

    def test_an_adopted_digest_holds_until_the_file_changes(self, storage: Storage, root: Path) -> None:
        file = root / "a.csv"
        file.write_bytes(b"one")
        storage.adopt(str(file), "sha256:told")
        assert storage.digest(str(file)) == "sha256:told"
        file.write_bytes(b"three")
        assert storage.digest(str(file)) == sha256(b"three")
        storage.adopt(str(root / "missing"), "sha256:told")
        assert storage.digest(str(root / "missing")) is None

    # Staging and publishing

    def test_what_is_staged_is_seen_nowhere_until_it_is_published(self, storage: Storage, root: Path) -> None:
        final = root / "out" / "a.csv"
        staged = Path(storage.staging_path(str(final), "t1", "output"))
        staged.write_text("whole")
        assert storage.list(str(root / "**" / "*")) == ()
        assert storage.list(str(root / "*" / "*")) == ()
        assert not final.exists()
        storage.publish(str(staged), str(final))
        assert final.read_text() == "whole"
        assert not staged.exists()
        assert storage.list(str(root / "**")) == (str(final),)

    def test_publishing_replaces_what_was_there(self, storage: Storage, root: Path) -> None:
        final = root / "a.csv"
        final.write_text("old")
        with final.open() as reader:
            staged = Path(storage.staging_path(str(final), "t1", "output"))
            staged.write_text("new")
            storage.publish(str(staged), str(final))
            # Who had opened the old file reads the old file.
            assert reader.read() == "old"
        assert final.read_text() == "new"

    def test_attempts_and_outputs_stage_apart(self, storage: Storage, root: Path) -> None:
        final = str(root / "a.csv")
        asked = [
            (final, "t1", "output"),
            (final, "t2", "output"),
            (final, "t1", "rest"),
            (None, "t1", "loose"),
            (final, "t1", "a/b"),
            (final, "t1", "a_b"),
            (final, "t1", "../up"),
            (final, "t1", "\u00fc" * 300),
            (final, "t1", "\u00e4" * 300),
            (final, "t1", ""),
        ]
        paths = [storage.staging_path(*one) for one in asked]
        assert len(set(paths)) == len(paths)
        for path in paths:
            Path(path).write_text("x")

    @pytest.mark.parametrize(
        ("final", "name", "ends"),
        [
            ("a.parquet", "output", "-output.parquet"),
            ("a.csv.gz", "output", "-output.csv.gz"),
            ("report.v1.json", "output", "-output.json"),
            ("plain", "output", "-output"),
            ("a.parquet", "output.parquet", "-output.parquet"),
            (".hidden", "output", "-output"),
            ("a. b", "output", "-output"),
        ],
    )
    def test_a_staged_file_ends_as_its_final_name_does(
        self, storage: Storage, root: Path, final: str, name: str, ends: str
    ) -> None:
        assert storage.staging_path(str(root / final), "t1", name).endswith(f"t1{ends}")

    @pytest.mark.parametrize(
        ("final", "complaint"),
        [
            ("folder", '"{path}" cannot be written: a folder of that name is there'),
            ("file/below.csv", '"{path}" cannot be written: a file stands where a folder is needed'),
            ("x" * 300 + ".csv", '"{path}" cannot be written: the name is too long'),
        ],
    )
    def test_a_place_that_cannot_be_written_is_named(
        self, storage: Storage, root: Path, final: str, complaint: str
    ) -> None:
        (root / "folder").mkdir()
        (root / "file").write_text("kept")
        staged = Path(storage.staging_path(None, "t1", "output"))
        staged.write_text("new")
        with pytest.raises(PublishError) as error:
            storage.publish(str(staged), str(root / final))
        assert str(error.value) == complaint.format(path=root / final)
        assert (root / "file").read_text() == "kept"
        assert staged.read_text() == "new"

    def test_what_is_no_staged_file_is_not_published(self, storage: Storage, root: Path) -> None:
        final = root / "a.csv"
        gone = storage.staging_path(str(final), "t1", "gone")
        with pytest.raises(PublishError, match="is gone before it was published"):
            storage.publish(gone, str(final))
        folder = Path(storage.staging_path(str(final), "t1", "folder"))
        folder.mkdir()
        with pytest.raises(PublishError, match="a folder was written to"):
            storage.publish(str(folder), str(final))
        link = Path(storage.staging_path(str(final), "t1", "link"))
        link.symlink_to(root)
        with pytest.raises(PublishError, match="is not a file of its own"):
            storage.publish(str(link), str(final))
        assert not final.exists()

    def test_discarding_is_harmless_twice(self, storage: Storage, root: Path) -> None:
        staged = Path(storage.staging_path(str(root / "a.csv"), "t1", "output"))
        staged.write_text("x")
        storage.discard(str(staged))
        storage.discard(str(staged))
        assert not staged.exists()
        staged.mkdir()
        (staged / "part").write_text("x")
        storage.discard(str(staged))
        assert not staged.exists()

    def test_sweeping_spares_living_attempts(self, storage: Storage, root: Path) -> None:
        final = str(root / "a.csv")
        tokens = ["dead", "alive", "my-task.1.ab", "my-task.1.abc", "my"]
        paths = {token: Path(storage.staging_path(final, token, "output")) for token in tokens}
        for path in paths.values():
            path.write_text("x")
        folder = Path(storage.staging_path(final, "dead", "folder"))
        folder.mkdir()
        (folder / "part").write_text("x")
        storage.sweep(lambda: {"alive", "my-task.1.abc"})
        assert {token for token, path in paths.items() if path.exists()} == {"alive", "my-task.1.abc"}
        assert not folder.exists()
        storage.sweep(list)
        assert not any(path.exists() for path in paths.values())

    def test_sweeping_spares_who_stages_meanwhile(self, storage: Storage, root: Path) -> None:
        """Who was asked for before it was listed what is there lost what it had staged in between."""
        seen = Path(storage.staging_path(str(root / "a.csv"), "dead", "output"))
        seen.write_text("x")
        staged = Path(storage.staging_path(str(root / "a.csv"), "later", "output"))

        def alive() -> list[str]:
            staged.write_text("x")
            return []

        storage.sweep(alive)
        assert (seen.exists(), staged.exists()) == (False, True)

    def test_sweeping_follows_no_link(self, storage: Storage, root: Path) -> None:
        (root / "kept").mkdir()
        (root / "kept" / "mine").write_text("x")
        staging = Path(storage.staging_path(str(root / "a.csv"), "t1", "output")).parents[1]
        for digit in "0123456789abcdef":
            if not (staging / digit).exists():
                (staging / digit).symlink_to(root / "kept")
        storage.sweep(list)
        assert (root / "kept" / "mine").exists()

    def test_permissions_are_those_that_the_writer_gave(self, storage: Storage, root: Path) -> None:
        for mode in (0o600, 0o755):
            staged = Path(storage.staging_path(str(root / "a"), "t1", "output"))
            staged.write_text("x")
            staged.chmod(mode)
            storage.publish(str(staged), str(root / "a"))
            assert (root / "a").stat().st_mode & 0o777 == mode
