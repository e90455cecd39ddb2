"""What `trc diff` says where git has no answer, and that nothing of a repository is run."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.trc.revisions.conftest import Repo, Trc

PIPELINE = "name: shop\nnodes: [{id: one, type: duckdb_sql, params: {sql: select 1 as a}}]\n"
OTHER = PIPELINE.replace("select 1", "select 2")


@pytest.mark.parametrize(
    ("revision", "code", "why"),
    [
        ("nope", "TRC622", 'git knows no revision "nope"'),
        ("origin/nope", "TRC622", "fetch it: git fetch origin"),
        ("--output=/tmp/x", "TRC622", "is not a revision"),
        ("-", "TRC622", "is not a revision"),
        ("", "TRC622", "is not a revision"),
        ("a\nb", "TRC622", "is not a revision"),
        ("main..HEAD", "TRC622", "trc diff main HEAD"),
        ("main...", "TRC622", "trc diff --merge-base main HEAD"),
        ("HEAD:shop.yaml", "TRC622", "git knows no revision"),
        ("HEAD^{tree}", "TRC622", "git knows no revision"),
        ("^HEAD", "TRC622", "git knows no revision"),
        ("'; touch /tmp/x; '", "TRC622", "git knows no revision"),
    ],
)
def test_what_is_no_revision_is_refused(repo: Repo, trc: Trc, revision: str, code: str, why: str) -> None:
    repo.commit({"shop.yaml": PIPELINE})
    for arguments in (("--", revision), ("--", "HEAD", revision)):
        done = trc("diff", *arguments)
        assert done.code == 3
        assert f"error[{code}]" in done.err
        assert why in done.err
    document = json.loads(trc("diff", "--json", "--", revision).out)
    assert [one["code"] for one in document["diagnostics"]] == [code]


@pytest.mark.usefixtures("repo")
def test_a_repository_without_commits_is_told_of(trc: Trc) -> None:
    done = trc("diff", "HEAD")
    assert (done.code, "the repository has no commit yet" in done.err) == (3, True)


def test_a_folder_outside_of_repositories_is_told_of(trc: Trc, tmp_path: Path) -> None:
    done = trc("diff", "HEAD", "--project", str(tmp_path))
    assert (done.code, "is in no git repository" in done.err) == (3, True)
    assert "error[TRC621]" in done.err


@pytest.mark.parametrize(("folder", "why"), [("nowhere", "there is no folder"), ("file", "is not a folder")])
def test_what_is_no_folder_is_told_of(repo: Repo, trc: Trc, folder: str, why: str) -> None:
    repo.commit({"file": "x"})
    done = trc("diff", "HEAD", "--project", folder)
    assert (done.code, why in done.err) == (3, True)


def test_a_bare_repository_is_told_of(repo: Repo, trc: Trc, tmp_path: Path) -> None:
    repo.commit({"shop.yaml": PIPELINE})
    repo.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    done = trc("diff", "HEAD", "--project", str(tmp_path / "bare"))
    assert (done.code, "is in no working tree" in done.err) == (3, True)


def test_that_git_is_missing_is_told(repo: Repo, trc: Trc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit({"shop.yaml": PIPELINE})
    monkeypatch.setenv("PATH", str(tmp_path))
    done = trc("diff", "HEAD")
    assert (done.code, "git is not installed" in done.err) == (3, True)


def test_a_shallow_clone_is_told_of(repo: Repo, trc: Trc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit({"shop.yaml": PIPELINE})
    repo.commit({"shop.yaml": OTHER})
    repo.git("clone", "--quiet", "--depth", "1", f"file://{repo.root}", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    done = trc("diff", "HEAD~1")
    assert (done.code, "fetch-depth: 0" in done.err) == (3, True)


def test_the_base_can_be_where_histories_parted(repo: Repo, trc: Trc) -> None:
    """What main has got since is no difference that the branch makes."""
    repo.commit({"shop.yaml": PIPELINE})
    repo.git("branch", "topic")
    repo.commit({"shop.yaml": OTHER})
    repo.git("checkout", "--quiet", "topic")
    assert "1 changed" in trc("diff", "main").out
    assert "no differences" in trc("diff", "--merge-base", "main").out
    repo.commit({"shop.yaml": PIPELINE, "more.yaml": PIPELINE.replace("shop", "more")})
    assert "1 added, 2 pipelines compared" in trc("diff", "--merge-base", "main", "topic").out


def test_histories_without_a_common_commit_are_told_of(repo: Repo, trc: Trc) -> None:
    repo.commit({"shop.yaml": PIPELINE})
    repo.git("checkout", "--quiet", "--orphan", "other")
    repo.commit({"shop.yaml": OTHER})
    done = trc("diff", "--merge-base", "main")
    assert (done.code, "have no commit in common" in done.err) == (3, True)


def test_exit_codes(repo: Repo, trc: Trc) -> None:
    repo.commit({"shop.yaml": PIPELINE})
    assert trc("diff", "HEAD", "--exit-code").code == 0
    repo.write({"shop.yaml": OTHER})
    assert trc("diff", "HEAD").code == 0
    assert trc("diff", "HEAD", "--exit-code").code == 1
    repo.write({"shop.yaml": "name: shop\nnodes: oops\n"})
    assert trc("diff", "HEAD", "--exit-code").code == 2
    assert trc("diff", "HEAD").code == 2


def test_the_checkout_stays_as_it_is(repo: Repo, trc: Trc) -> None:
    repo.commit({"shop.yaml": PIPELINE, "kept.txt": "x"})
    repo.commit({"shop.yaml": OTHER, "kept.txt": "x"})
    repo.write({"kept.txt": "changed", "new.txt": "x"})
    repo.git("add", "new.txt")

    def state() -> object:
        files = sorted(path for path in repo.root.rglob("*") if path.is_file())
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    before = state()
    assert trc("diff", "HEAD~1").code == 0
    assert trc("diff", "HEAD~1", "HEAD").code == 0
    assert state() == before


def test_what_git_ignores_is_no_part_of_the_working_tree(repo: Repo, trc: Trc) -> None:
    repo.commit({"shop.yaml": PIPELINE, ".gitignore": "build/\n"})
    repo.write({"build/copy.yaml": "name: broken\nnodes: oops\n", "new.yaml": PIPELINE.replace("shop", "new")})
    done = trc("diff", "HEAD")
    assert (done.code, done.err) == (0, "")
    assert "+ new (new.yaml): added, 1 task" in done.out


def test_a_folder_of_the_repository_is_compared_alone(repo: Repo, trc: Trc) -> None:
    files = {"a/trc.toml": "", "a/shop.yaml": PIPELINE, "b/trc.toml": "", "b/shop.yaml": PIPELINE}
    repo.commit(files)
    repo.write({"a/shop.yaml": OTHER, "b/shop.yaml": OTHER})
    assert "1 changed, 1 pipeline compared" in trc("diff", "HEAD", "--project", "a").out
    assert "2 changed, 2 pipelines compared" in trc("diff", "HEAD").out


def test_a_project_that_begins_above_the_repository_is_refused(repo: Repo, trc: Trc) -> None:
    """A revision has no project file, where the working tree has one."""
    repo.commit({"shop.yaml": PIPELINE})
    (repo.root.parent / "trc.toml").write_text('[defaults]\ntimeout = "1s"\n')
    done = trc("diff", "HEAD")
    assert (done.code, "begins above the repository" in done.err) == (3, True)


def test_nothing_that_a_repository_names_is_run(
    repo: Repo, trc: Trc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters, hooks, monitors, helpers and variables: each would leave a mark."""
    mark = tmp_path / "mark"
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {mark}\ncat\n')
    script.chmod(0o755)
    repo.commit({"shop.yaml": PIPELINE})
    repo.commit({"shop.yaml": OTHER, ".gitattributes": "* filter=evil diff=evil merge=evil\n"})
    for key in (
        "filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv", "diff.evil.command",
        "diff.external", "core.fsmonitor", "core.pager", "pager.ls-tree", "pager.rev-parse", "core.sshCommand",
        "credential.helper", "gpg.program", "core.editor", "core.askPass", "alias.ls-tree", "alias.cat-file",
    ):  # fmt: skip
        repo.git("config", key, str(script))
    repo.git("config", "core.hooksPath", str(tmp_path / "hooks"))
    (tmp_path / "hooks").mkdir()
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        shutil.copy(script, tmp_path / "hooks" / hook)
    mark.unlink(missing_ok=True)
    other = tmp_path / "other"
    subprocess.run(["git", "init", "--quiet", str(other)], check=True)
    variables = {
        "GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other), "GIT_INDEX_FILE": str(other / "index"),
        "GIT_OBJECT_DIRECTORY": str(other / "objects"), "GIT_EXTERNAL_DIFF": str(script), "GIT_PAGER": str(script),
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": str(script),
        "GIT_TRACE": str(tmp_path / "trace"), "PAGER": str(script), "GIT_EXEC_PATH": str(tmp_path),
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = trc("diff", "HEAD~1")
    assert "1 changed, 1 pipeline compared" in done.out, done.err
    assert "1 changed, 1 pipeline compared" in trc("diff", "HEAD~1", "HEAD").out
    assert not mark.exists(), mark.read_text()
    assert not (tmp_path / "trace").exists()


def test_choices_of_the_environment_make_no_difference(repo: Repo, trc: Trc, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written is compared, on both sides alike."""
    written = PIPELINE.replace("nodes", "params: {n: {type: integer, default: 1}}\nnodes").replace(
        "select 1", "'select {{ n }}'"
    )
    repo.commit({"shop.yaml": written.replace(" as a'", "'").replace("}}' as a", "}} as a'")})
    monkeypatch.setenv("TRC_PARAM_N", "7")
    monkeypatch.setenv("TRC_TARGET", "nowhere")
    done = trc("diff", "HEAD")
    assert (done.code, "no differences" in done.out) == (0, True), done.err


def test_a_file_name_of_a_terminals_codes_shows_none(repo: Repo, trc: Trc) -> None:
    repo.commit({"shop.yaml": PIPELINE})
    repo.write({"\x1b[31mred.yaml": PIPELINE.replace("shop", "red")})
    done = trc("diff", "HEAD")
    assert "\x1b" not in done.out + done.err
    assert "added" in done.out


def test_temporary_files_are_gone(repo: Repo, trc: Trc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    repo.commit({"shop.yaml": PIPELINE})
    assert trc("diff", "HEAD", "HEAD").code == 0
    assert trc("diff", "nope").code == 3
    assert list((tmp_path / "tmp").iterdir()) == []
