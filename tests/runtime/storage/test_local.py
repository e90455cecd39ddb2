"""Local files do what every storage's do, on one file system and across two."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.storage_suite import PlaceSuite, StorageSuite

from trc.runtime.storage.errors import StorageError
from trc.runtime.storage.globs import list_files
from trc.runtime.storage.local import LocalStorage
from trc.runtime.store.memory import MemoryStore

MEMORY = Path("/dev/shm")


def local(state: Path) -> LocalStorage:
    return LocalStorage(MemoryStore(), state, "boot-1", time.time_ns)


def elsewhere_or_skip(here: Path) -> Path:
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == here.stat().st_dev or not os.access(MEMORY, os.W_OK):
        pytest.skip("this machine has no second file system to write to")
    return Path(tempfile.mkdtemp(dir=MEMORY))


class Folder:
    """A folder that others write to."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def at(self, name: str) -> str:
        return str(self.root / name)

    def write(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def remove(self, name: str) -> None:
        (self.root / name).unlink()

    def names(self) -> list[str]:
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if ".trc" not in path.parts)

    def refuses(self, name: str) -> None:
        (self.root / name).mkdir()


class TestFiles(PlaceSuite):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path)

    @pytest.fixture
    def storage(self, tmp_path: Path) -> LocalStorage:
        return local(tmp_path / ".trc")


class TestLocalStorage(StorageSuite):
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "data").mkdir()
        return tmp_path / "data"

    @pytest.fixture
    def storage(self, tmp_path: Path) -> LocalStorage:
        return local(tmp_path / ".trc")

    def test_staging_lies_under_the_state(self, storage: LocalStorage, root: Path, tmp_path: Path) -> None:
        staged = Path(storage.staging_path(str(root / "deep" / "er" / "a.csv"), "t1", "output"))
        assert staged.parent.parent == tmp_path / ".trc" / "staging"
        assert not (root / "deep").exists()


class TestLocalStorageWhoseStateLiesWithTheData(StorageSuite):
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path

    @pytest.fixture
    def storage(self, tmp_path: Path) -> LocalStorage:
        return local(tmp_path / ".trc")


class TestLocalStorageAcrossFileSystems(StorageSuite):
    @pytest.fixture
    def root(self, tmp_path: Path) -> Iterator[Path]:
        folder = elsewhere_or_skip(tmp_path)
        yield folder
        shutil.rmtree(folder)

    @pytest.fixture
    def storage(self, tmp_path: Path) -> LocalStorage:
        return local(tmp_path / ".trc")

    def test_staging_lies_beside_the_final_place(self, storage: LocalStorage, root: Path) -> None:
        staged = Path(storage.staging_path(str(root / "deep" / "a.csv"), "t1", "output"))
        assert staged.parent.parent == root / "deep" / ".trc" / "staging"

    def test_a_file_staged_on_another_file_system_is_copied_then_renamed(
        self, storage: LocalStorage, root: Path, tmp_path: Path
    ) -> None:
        final = root / "out" / "a.csv"
        staged = Path(storage.staging_path(None, "t1", "output"))
        assert staged.is_relative_to(tmp_path)
        staged.write_text("whole")
        staged.chmod(0o640)
        storage.publish(str(staged), str(final))
        assert final.read_text() == "whole"
        assert final.stat().st_mode & 0o777 == 0o640
        assert not staged.exists()
        assert not list((final.parent / ".trc" / "staging").rglob("*.*"))

    def test_a_copy_that_cannot_be_put_in_place_is_removed(self, storage: LocalStorage, root: Path) -> None:
        (root / "folder").mkdir()
        staged = Path(storage.staging_path(None, "t1", "output"))
        staged.write_text("whole")
        with pytest.raises(OSError, match="a folder of that name is there"):
            storage.publish(str(staged), str(root / "folder"))
        assert staged.exists()
        assert not list((root / ".trc" / "staging").rglob("*.*"))

    def test_a_later_process_sweeps_there_too(self, storage: LocalStorage, root: Path, tmp_path: Path) -> None:
        dead = Path(storage.staging_path(str(root / "a.csv"), "dead", "output"))
        alive = Path(storage.staging_path(str(root / "a.csv"), "alive", "output"))
        dead.write_text("x")
        alive.write_text("x")
        with (tmp_path / ".trc" / "staging-elsewhere").open("a") as notes:
            notes.write('17\n"/no/such/folder"\n"/cut sho')
        local(tmp_path / ".trc").sweep(lambda: ["alive"])
        assert (dead.exists(), alive.exists()) == (False, True)


def test_a_relative_path_is_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert list_files("*.csv") == (str(tmp_path / "a.csv"),)
    assert list_files("a.csv") == (str(tmp_path / "a.csv"),)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ("storage.list(f'{root}/closed/*.csv')", '"{root}/closed/" cannot be read: this user has no permission'),
        ("storage.list(f'{root}/**/*.csv')", '"{root}/closed/" cannot be read: this user has no permission'),
        ("storage.list(f'{root}/closed/a.csv')", '"{root}/closed/a.csv" cannot be read: this user has no permission'),
        ("storage.identity(f'{root}/closed/a')", '"{root}/closed/a" cannot be read: this user has no permission'),
        ("storage.digest(f'{root}/secret.csv')", '"{root}/secret.csv" cannot be read: this user has no permission'),
        ("storage.publish(f'{root}/a.csv', f'{root}/b')", '"{root}/b" cannot be written: this user has no permission'),
        (
            "storage.staging_path(None, 't', 'a')",
            '"{root}/.trc/staging" cannot be written: this user has no permission',
        ),
    ],
)
def test_what_this_user_may_not_do_is_named(asked: str, complaint: str) -> None:
    # The superuser may do everything, so the child becomes nobody; and nobody may not look into tmp_path.
    code = """
import os, sys
from pathlib import Path
from trc.runtime.storage.errors import StorageError
from trc.runtime.storage.local import LocalStorage
from trc.runtime.store.memory import MemoryStore
root = sys.argv[1]
storage = LocalStorage(MemoryStore(), Path(root, ".trc"), "boot-1", lambda: 0)
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    eval(sys.argv[2])
except StorageError as error:
    print(error, end="")
"""
    root = Path(tempfile.mkdtemp())
    try:
        for name in ("a.csv", "secret.csv"):
            (root / name).write_text("x")
        (root / "closed").mkdir(mode=0)
        (root / "secret.csv").chmod(0)
        root.chmod(0o555)
        child = subprocess.run([sys.executable, "-c", code, root, asked], capture_output=True, text=True, check=False)
        assert (child.stdout, child.stderr) == (complaint.format(root=root), "")
    finally:
        root.chmod(0o755)
        (root / "closed").chmod(0o755)
        shutil.rmtree(root)


def test_sweeping_before_anything_was_staged_does_nothing(tmp_path: Path) -> None:
    local(tmp_path / ".trc").sweep(list)
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_name_is_not_text_is_told(tmp_path: Path) -> None:
    """Its name can be handed to no task and kept in no record; without this it was a traceback."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")).write_text("x")
    with pytest.raises(StorageError, match=r"udcff.csv', and a name that is not UTF-8 cannot be handed on"):
        list_files(f"{tmp_path}/*.csv")
