"""Revisions that mean harm or that are odd: each part that is left out is told of, and nothing leaves the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.trc.revisions.conftest import Repo, Trc

from trc.revisions import checkout
from trc.revisions.checkout import Checkout, checked_out
from trc.revisions.git import find_repository
from trc.runtime.errors import Stopped

PIPELINE = "name: shop\nnodes: [{id: one, type: duckdb_sql, params: {sql: select 1 as a}}]\n"
FILE, LINK, FOLDER, SUBMODULE = "100644", "120000", "40000", "160000"


@contextmanager
def written(repo: Repo, commit: str, inside: str = "") -> Iterator[Checkout]:
    with checked_out(find_repository(repo.root), "rev", commit, inside) as made:
        yield made


def told(made: Checkout) -> list[tuple[str, str]]:
    return [(one.severity, one.message) for one in made.left_out]


def files(made: Checkout) -> list[str]:
    return sorted(path.relative_to(made.root).as_posix() for path in made.root.rglob("*") if not path.is_dir())


def test_what_git_keeps_is_written_and_then_gone(repo: Repo) -> None:
    commit = repo.commit({"shop.yaml": PIPELINE, "data/näme with space.csv": "a\n"})
    with written(repo, commit) as made:
        assert files(made) == ["data/näme with space.csv", "shop.yaml"]
        assert (made.root / "shop.yaml").read_text() == PIPELINE
        assert made.root.stat().st_mode & 0o777 == 0o700
        assert made.left_out == []
    assert not made.root.exists()


def test_the_folder_is_gone_after_a_failure_too(repo: Repo) -> None:
    with pytest.raises(KeyboardInterrupt), written(repo, repo.commit({"a": ""})) as made:
        raise KeyboardInterrupt
    assert not made.root.exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"..", "leads elsewhere"),
        (b".", "leads elsewhere"),
        (b".git", "a folder of git's own"),
        (b".GIT", "a folder of git's own"),
    ],
)
def test_a_folder_that_leads_elsewhere_is_left_out(repo: Repo, name: bytes, why: str, tmp_path: Path) -> None:
    inner = repo.tree((FILE, repo.blob(PIPELINE), b"escaped.yaml"))
    with written(repo, repo.commit_tree((FOLDER, inner, name), (FILE, repo.blob(PIPELINE), b"shop.yaml"))) as made:
        assert files(made) == ["shop.yaml"]
        assert [(severity, why in message) for severity, message in told(made)] == [("error", True)]
    assert not list(tmp_path.rglob("escaped.yaml"))


@pytest.mark.parametrize(
    ("name", "why"),
    [(b"a\nb.yaml", "control character"), (b"a\x1b[31m.yaml", "control character"), (b"\xff.yaml", "not UTF-8")],
)
def test_a_name_that_no_message_can_show_is_left_out(repo: Repo, trc: Trc, name: bytes, why: str) -> None:
    commit = repo.commit_tree((FILE, repo.blob(PIPELINE), name))
    done = trc("diff", commit, commit)
    assert done.code == 2
    assert "error[TRC235]" in done.err
    assert why in done.err
    assert "\x1b" not in done.err
    assert trc("diff", commit, commit, "--json").code == 2


def test_a_file_that_cannot_matter_is_warned_about(repo: Repo, trc: Trc) -> None:
    commit = repo.commit_tree((FILE, repo.blob("x"), b"a\nb.txt"), (FILE, repo.blob(PIPELINE), b"shop.yaml"))
    done = trc("diff", commit, commit)
    assert (done.code, done.err.count("warning[TRC235]")) == (0, 2)


def test_of_two_files_of_one_name_the_second_is_left_out(repo: Repo) -> None:
    """As where the file system takes README and readme for one name."""
    inner = repo.tree((FILE, repo.blob("inner"), b"x"))
    commit = repo.commit_tree(
        (FILE, repo.blob("first"), b"a.yaml"),
        (FILE, repo.blob("second"), b"a.yaml"),
        (FILE, repo.blob("file"), b"b"),
        (FOLDER, inner, b"b"),
    )
    with written(repo, commit) as made:
        assert (made.root / "a.yaml").read_text() == "first"
        assert (made.root / "b").read_text() == "file"
        assert [severity for severity, _ in told(made)] == ["error", "warning"]
        assert all("has this name" in message for _, message in told(made))


def test_links_stay_inside(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("secret")
    sub = repo.tree((LINK, repo.blob("../up/../.."), b"deep"), (FILE, repo.blob("x"), b"x"))
    commit = repo.commit_tree(
        (LINK, repo.blob("shop.yaml"), b"fine.yaml"),
        (LINK, repo.blob(str(tmp_path / "secret.yaml")), b"absolute.yaml"),
        (LINK, repo.blob("../secret.yaml"), b"relative.txt"),
        (LINK, repo.blob("loop"), b"loop"),
        (LINK, repo.blob("sub"), b"up"),
        (LINK, repo.blob("missing"), b"dangling"),
        (LINK, repo.blob(""), b"empty"),
        (FILE, repo.blob(PIPELINE), b"shop.yaml"),
        (FOLDER, sub, b"sub"),
    )
    with written(repo, commit) as made:
        assert (made.root / "fine.yaml").read_text() == PIPELINE
        for path in made.root.rglob("*"):
            assert path.name == "loop" or path.resolve().is_relative_to(made.root)
        assert not os.path.lexists(made.root / "absolute.yaml")
        assert not os.path.lexists(made.root / "relative.txt")
        assert not os.path.lexists(made.root / "sub" / "deep")
        assert [severity for severity, _ in told(made)][:1] == ["error"]


def test_nothing_is_written_through_a_link(repo: Repo, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    inner = repo.tree((FILE, repo.blob("in"), b"planted"))
    with written(repo, repo.commit_tree((LINK, repo.blob(str(outside)), b"d"), (FOLDER, inner, b"d"))):
        assert list(outside.iterdir()) == []


def test_a_submodule_is_left_empty(repo: Repo, trc: Trc) -> None:
    first = repo.commit({"shop.yaml": PIPELINE})
    commit = repo.commit_tree((FILE, repo.blob(PIPELINE), b"shop.yaml"), (SUBMODULE, first, b"vendor"))
    with written(repo, commit) as made:
        assert (files(made), made.submodules, made.left_out) == (["shop.yaml"], ["vendor"], [])
    assert "no differences, 1 pipeline compared" in trc("diff", commit, commit).out


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 3\n"


def test_a_pipeline_that_git_lfs_keeps_is_a_mistake(repo: Repo, trc: Trc) -> None:
    repo.commit({"shop.yaml": POINTER.format("0" * 64)})
    done = trc("diff", "HEAD")
    assert done.code == 2
    assert '"HEAD:shop.yaml" is left out: git holds a pointer of Git LFS' in done.err


def test_data_that_git_lfs_keeps_is_compared_by_its_digest(repo: Repo, trc: Trc) -> None:
    import hashlib

    pipeline = "name: p\nsources: {rows: {csv: rows.csv}}\nnodes: [{id: a, type: duckdb_sql, params: {sql: select * from rows}}]\n"
    repo.commit({"p.yaml": pipeline, "rows.csv": POINTER.format(hashlib.sha256(b"a\n1\n").hexdigest())})
    repo.write({"rows.csv": "a\n1\n"})
    assert "no differences" in trc("diff", "HEAD").out
    repo.write({"rows.csv": "a\n2\n"})
    assert "content of rows.csv differs" in trc("diff", "HEAD").out


def test_of_a_long_file_there_is_a_hollow_one(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "LARGEST_FILE", 10)
    with written(repo, repo.commit({"long.bin": "x" * 11, "short": "x" * 10})) as made:
        assert (made.root / "long.bin").read_bytes() == b"\0" * 11
        assert (made.root / "short").read_text() == "x" * 10


@pytest.mark.parametrize(
    ("bound", "value", "why"),
    [("MOST_FILES", 1, "more than 1 files"), ("LARGEST_TREE", 3, "together")],
)
def test_a_tree_without_bound_is_refused(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, why: str
) -> None:
    monkeypatch.setattr(checkout, bound, value)
    with pytest.raises(Stopped, match=why) as stop, written(repo, repo.commit({"a": "aa", "b": "bb"})):
        pass
    assert [one.code for one in stop.value.diagnostics] == ["TRC623"]


def test_an_object_that_is_not_here_is_told_of(repo: Repo) -> None:
    """As in a partial clone."""
    commit = repo.commit({"shop.yaml": PIPELINE, "other.txt": "x"})
    oid = repo.git("rev-parse", "HEAD:shop.yaml")
    (repo.root / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    with written(repo, commit) as made:
        assert told(made) == [("error", '"rev:shop.yaml" is left out: its content is not in this clone')]


def test_many_that_are_left_out_are_counted(repo: Repo) -> None:
    with written(repo, repo.commit_tree(*((FILE, repo.blob("x"), b"\x01%02d" % n) for n in range(30)))) as made:
        assert [one.message for one in made.left_out][10:] == ['"rev": 20 more files are left out']


def test_only_the_project_is_written(repo: Repo) -> None:
    commit = repo.commit({"a/trc.toml": "", "a/in/shop.yaml": PIPELINE, "a/tasks/x.py": "", "b/other": "x"})
    with written(repo, commit, "a/in") as made:
        assert files(made) == ["a/in/shop.yaml", "a/tasks/x.py", "a/trc.toml"]
    with written(repo, commit, "b") as made:
        assert files(made) == ["b/other"]


def test_a_project_around_the_temporary_folder_is_refused(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its project file would be taken for that of the revision."""
    surroundings = tmp_path / "tmp"
    surroundings.mkdir()
    (surroundings / "trc.toml").write_text('[defaults]\ntimeout = "1s"\n')
    monkeypatch.setattr("tempfile.tempdir", str(surroundings))
    with pytest.raises(Stopped, match="lies in a project of its own"), written(repo, repo.commit({"a": ""})):
        pass
    assert [one.name for one in surroundings.iterdir()] == ["trc.toml"]
