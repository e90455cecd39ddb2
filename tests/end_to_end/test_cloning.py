"""Clones through the command, from a real Git server to a real endpoint: skipped by the commit, and safe from what a repository may hold."""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
from tests.objects import ObjectServer
from tests.repositories import GitServer, Repository, git_server
from tests.website import ALLOWED


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_server(tmp_path_factory.mktemp("repositories")) as found:
        yield found


@pytest.fixture
def shop(server: GitServer) -> Repository:
    found = server.repository()
    found.commit("first", data__a_csv="id\n1\n", data__deep__b_csv="id\n2\n", README="hello\n")
    return found


@pytest.fixture(autouse=True)
def allowed(space: Any, objects: ObjectServer) -> None:
    del objects
    space.write("trc.toml", ALLOWED)


def write(space: Any, repository: Repository, *more: str, name: str = "p.trc") -> None:
    lines = "\n  ".join(more)
    space.write(
        name,
        f"""
pipeline "p" {{ }}

task code = git_clone_to_s3 {{
  url = "{repository.url}"
  destination = "s3://lake/code/"
  output = csv("out/files.csv")
  {lines}
}}
""",
    )


def run(space: Any) -> dict[str, Any]:
    (task,) = space.trc("run", "p.trc", "--json").json["tasks"]
    return task  # type: ignore[no-any-return]


def refused(space: Any, code: str) -> str:
    done = space.trc("run", "p.trc", code=1)
    said: str = done.err + done.out
    assert f"error[{code}]" in said, said
    return said


def files(objects: ObjectServer) -> list[str]:
    return [key.removeprefix("code/") for key in objects.all_keys() if "/.trc/" not in key]


def listed(space: Any) -> list[tuple[str, str, str]]:
    with (space.root / "out/files.csv").open(newline="") as file:
        return [(row["path"], row["kind"], row["size"]) for row in csv.DictReader(file)]


def test_clone_is_skipped_while_the_reference_points_to_the_same_commit(
    space: Any, shop: Repository, server: GitServer, objects: ObjectServer
) -> None:
    write(space, shop)
    assert run(space)["state"] == "success"
    assert files(objects) == ["README", "data/a.csv", "data/deep/b.csv"]
    assert objects.read("code/data/a.csv") == b"id\n1\n"
    assert listed(space) == [("README", "file", "6"), ("data/a.csv", "file", "5"), ("data/deep/b.csv", "file", "5")]
    fetched = len(server.fetches())
    assert run(space)["state"] == "skipped"
    assert len(server.fetches()) == fetched
    # Another branch moves, and this one does not.
    shop.git("checkout", "--quiet", "-b", "other")
    shop.commit("elsewhere", data__a_csv="id\n7\n")
    shop.git("checkout", "--quiet", "main")
    assert run(space)["state"] == "skipped"
    shop.git("rm", "--quiet", "README")
    shop.commit("second", data__a_csv="id\n3\n")
    objects.put("code/of-somebody-else", "stays")
    objects.asked.clear()
    assert run(space)["state"] == "success"
    assert files(objects) == ["data/a.csv", "data/deep/b.csv", "of-somebody-else"]
    assert objects.read("code/data/a.csv") == b"id\n3\n"
    assert ("PUT", "/lake/code/data/deep/b.csv") not in objects.asked
    assert run(space)["state"] == "skipped"


def test_clone_runs_again_where_what_it_left_is_another(space: Any, shop: Repository, objects: ObjectServer) -> None:
    write(space, shop)
    run(space)
    objects.client.delete_object(Bucket="lake", Key="code/data/a.csv")
    assert run(space)["state"] == "success"
    assert objects.read("code/data/a.csv") == b"id\n1\n"
    assert run(space)["state"] == "skipped"


@pytest.mark.long
def test_branches_tags_and_commits(space: Any, shop: Repository, server: GitServer, objects: ObjectServer) -> None:
    first = shop.git("rev-parse", "HEAD")
    shop.git("tag", "--annotate", "--message", "first one", "v1")
    shop.git("branch", "topic/one")
    shop.commit("second", data__a_csv="id\n9\n")
    for ref in ("v1", "topic/one", "refs/tags/v1", first):
        write(space, shop, f'ref = "{ref}"')
        assert run(space)["state"] == "success"
        assert objects.read("code/data/a.csv") == b"id\n1\n"
        server.asked.clear()
        assert run(space)["state"] == "skipped"
        # What a commit points to needs no question.
        assert len(server.asked) == (0 if ref == first else 1)
    write(space, shop, 'ref = "main"')
    run(space)
    assert objects.read("code/data/a.csv") == b"id\n9\n"


def test_patterns_choose_files(space: Any, shop: Repository, objects: ObjectServer) -> None:
    write(space, shop, 'include = ["data/**"]', 'exclude = ["**/b.csv"]')
    run(space)
    assert files(objects) == ["data/a.csv"]
    assert listed(space) == [("data/a.csv", "file", "5")]


def test_history_is_listed(space: Any, shop: Repository, objects: ObjectServer) -> None:
    shop.commit('second, with "quotes"', data__a_csv="id\n9\n")
    last = shop.commit("third", data__a_csv="id\n10\n")
    write(space, shop, "depth = 2", 'log_uri = "s3://lake/log.csv"')
    run(space)
    rows = list(csv.reader(objects.read("log.csv").decode().splitlines()))
    assert rows[0] == ["commit", "author", "committed_at", "subject"]
    assert rows[1] == [last, "Ada", "2026-01-02T03:04:05+00:00", "third"]
    assert [row[3] for row in rows[2:]] == ['second, with "quotes"']


def test_readers_of_the_prefix_wait_and_are_handed_the_commit(space: Any, shop: Repository) -> None:
    write(space, shop)
    space.write(
        "p.trc",
        (space.root / "p.trc").read_text()
        + """
task total = sql $$ select sum(id) as total, {{ tasks.code.values.commit }} as commit from read_csv('s3://lake/code/data/**/*.csv') $$ {
  output = csv("out/total.csv")
}
""",
    )
    space.trc("run", "p.trc")
    commit = shop.git("rev-parse", "HEAD")
    assert (space.root / "out/total.csv").read_text() == f"total,commit\n3,{commit}\n"
    done = space.trc("run", "p.trc", "--json").json["tasks"]
    assert {one["state"] for one in done} == {"skipped"}


@pytest.mark.long
def test_submodules_are_taken_where_asked(
    space: Any, shop: Repository, server: GitServer, objects: ObjectServer
) -> None:
    inner, within = server.repository("inner"), server.repository("within")
    within.commit("first", c_csv="id\n3\n")
    inner.commit("first", d_csv="id\n4\n")
    inner.git("-c", "protocol.allow=always", "submodule", "--quiet", "add", "../within", "deep")
    inner.commit("a submodule")
    shop.git("-c", "protocol.allow=always", "submodule", "--quiet", "add", f"{server.url}/inner", "lib/inner")
    shop.commit("a submodule")
    # By now the submodule has another commit, and the one that is pinned is no branch's.
    inner.commit("later", d_csv="id\n5\n")
    inner.git("checkout", "--quiet", "--orphan", "anew")
    inner.commit("anew")
    inner.git("branch", "-D", "main")
    write(space, shop, 'exclude = ["**/.gitmodules"]')
    run(space)
    assert files(objects) == ["README", "data/a.csv", "data/deep/b.csv"]
    assert ("lib/inner", "submodule", "0") in listed(space)
    write(space, shop, "submodules = true", 'exclude = ["**/.gitmodules"]')
    run(space)
    assert files(objects) == ["README", "data/a.csv", "data/deep/b.csv", "lib/inner/d.csv", "lib/inner/deep/c.csv"]
    assert objects.read("code/lib/inner/d.csv") == b"id\n4\n"


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=touch hit",
        "http://169.254.169.254/x.git",
        "ext::sh -c touch% hit",
        "file:///etc",
        "ssh://-oProxyCommand=x/y",
    ],
)
def test_submodule_is_reached_by_the_rules_alone(space: Any, shop: Repository, url: str) -> None:
    shop.write(".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = "{url}"\n')
    shop.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},x")
    shop.git("add", ".gitmodules")
    shop.git("commit", "--quiet", "--message", "odd")
    write(space, shop, "submodules = true")
    refused(space, "TRC638" if url.startswith("http") else "TRC653")
    assert not list(space.root.rglob("hit"))


def test_links_are_listed_and_never_followed(space: Any, shop: Repository, objects: ObjectServer) -> None:
    (shop.folder / "passwd").symlink_to("/etc/passwd")
    (shop.folder / "up").symlink_to("../../..")
    shop.commit("links")
    write(space, shop)
    run(space)
    assert files(objects) == ["README", "data/a.csv", "data/deep/b.csv"]
    assert ("passwd", "link", "11") in listed(space)


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", ".trc"])
def test_paths_that_lead_elsewhere_are_refused(space: Any, shop: Repository, objects: ObjectServer, name: str) -> None:
    blob = shop.git("hash-object", "-w", "--stdin", text=b"evil")
    inner = shop.tree(f"100644 blob {blob}\tx.csv")
    tree = shop.tree(f"040000 tree {inner}\t{name}")
    shop.git("update-ref", "refs/heads/main", shop.git("commit-tree", tree, "-m", "evil"))
    write(space, shop)
    assert f"{name}/x.csv" in refused(space, "TRC653")
    assert objects.all_keys() == []
    # It is told how to go on without it.
    write(space, shop, 'exclude = ["*/x.csv"]')
    assert run(space)["state"] == "success"


def test_name_that_is_no_text_is_refused(space: Any, shop: Repository) -> None:
    shop.write(os.fsdecode(b"caf\xe9.csv"), "x")
    shop.commit("latin")
    write(space, shop)
    assert "UTF-8" in refused(space, "TRC653")


def test_tree_without_an_end_is_refused(space: Any, shop: Repository, objects: ObjectServer) -> None:
    """Ten times ten times ten … of one file: small to send, and too much to write."""
    blob = shop.git("hash-object", "-w", "--stdin", text=b"lol\n")
    tree = shop.tree(*(f"100644 blob {blob}\tf{n}" for n in range(10)))
    for _ in range(9):
        tree = shop.tree(*(f"040000 tree {tree}\td{n}" for n in range(10)))
    shop.git("update-ref", "refs/heads/main", shop.git("commit-tree", tree, "-m", "bomb"))
    write(space, shop, "max_files = 1000")
    assert "max_files" in refused(space, "TRC654")
    write(space, shop, 'include = ["nothing"]', "max_files = 1000")
    assert "max_files" in refused(space, "TRC654")
    assert objects.all_keys() == []


def test_size_is_limited_while_it_is_fetched_and_where_it_is_written(space: Any, shop: Repository) -> None:
    shop.commit("large", big=random.Random(7).randbytes(1 << 20))
    write(space, shop, "max_size = 256Ki")
    assert "to fetch" in refused(space, "TRC654")
    shop.commit("packs well", big=b"0" * (4 << 20))
    write(space, shop, "max_size = 1Mi")
    assert "its files have" in refused(space, "TRC654")


def test_private_repository_is_read_with_a_secret_that_nobody_sees(
    space: Any, shop: Repository, server: GitServer, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.password = "sesame-open-1"
    write(space, shop)
    refused(space, "TRC674")
    monkeypatch.setenv("GIT_SECRET", "sesame-open-1")
    write(space, shop, 'params { credentials { password = secret("env:GIT_SECRET") } }')
    assert run(space)["state"] == "success"
    assert files(objects) == ["README", "data/a.csv", "data/deep/b.csv"]
    assert run(space)["state"] == "skipped"
    for path in space.root.rglob("*"):
        assert not path.is_file() or b"sesame-open-1" not in path.read_bytes(), path
    monkeypatch.setenv("GIT_SECRET", "another-one-2")
    shop.commit("second", data__a_csv="id\n3\n")
    refused(space, "TRC674")


def test_credentials_are_sent_to_no_other_server(
    space: Any,
    shop: Repository,
    server: GitServer,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with git_server(tmp_path_factory.mktemp("others")) as other:
        inner = other.repository("inner")
        commit = inner.commit("first", d_csv="id\n4\n")
        shop.write(".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = {inner.url}\n')
        shop.git("update-index", "--add", "--cacheinfo", f"160000,{commit},x")
        shop.git("add", ".gitmodules")
        shop.git("commit", "--quiet", "--message", "a submodule elsewhere")
        server.password = "sesame-open-1"
        monkeypatch.setenv("GIT_SECRET", "sesame-open-1")
        write(space, shop, "submodules = true", 'params { credentials { password = secret("env:GIT_SECRET") } }')
        assert run(space)["state"] == "success"
        assert other.headers
        assert not any("authorization" in one for one in other.headers)


def test_account_of_the_user_takes_no_part(
    space: Any,
    shop: Repository,
    objects: ObjectServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Neither configuration, nor hooks, nor templates, nor variables of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    hit = home / "hit"
    hooks = home / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("reference-transaction", "post-checkout"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {hit}\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {hooks}\n\tsshCommand = touch {hit}\n\tfsmonitor = touch {hit}\n"
        f"[init]\n\ttemplateDir = {home}/template\n[http]\n\tproxy = http://127.0.0.1:9\n"
        f'[credential]\n\thelper = "!touch {hit}"\n[url "http://127.0.0.1:9/"]\n\tinsteadOf = "http://127.0.0.1:"\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(home / "template"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "http.proxy")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "http://127.0.0.1:9")
    write(space, shop)
    assert run(space)["state"] == "success"
    assert files(objects) == ["README", "data/a.csv", "data/deep/b.csv"]
    assert not hit.exists()


def test_what_is_no_repository(space: Any, shop: Repository, server: GitServer) -> None:
    write(space, shop, 'ref = "mian"')
    assert 'did you mean "main"' in refused(space, "TRC653")
    write(space, Repository(shop.folder, f"{server.url}/nothing"))
    refused(space, "TRC608")
    server.repository("empty")
    write(space, Repository(shop.folder, f"{server.url}/empty"))
    assert "no commits" in refused(space, "TRC653")
    write(space, shop, f'ref = "{"0" * 39}1"')
    assert "has no commit" in refused(space, "TRC653")
    server.status = 503
    write(space, shop)
    refused(space, "TRC675")


def test_no_git_on_the_machine(space: Any, shop: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(space.root))
    write(space, shop)
    assert "system_packages" in refused(space, "TRC653")


def test_address_that_is_not_called(space: Any, shop: Repository, server: GitServer) -> None:
    space.write("trc.toml", "")
    write(space, shop)
    assert "by http" in space.trc("check", "p.trc", code=2).err
    space.write("trc.toml", ALLOWED)
    server.redirects["/shop/info/refs?service=git-upload-pack"] = "http://localhost:1/shop"
    refused(space, "TRC638")


@pytest.mark.parametrize(
    "line",
    [
        'ref = "--upload-pack=touch"',
        'ref = "a..b"',
        'ref = "main lock"',
        'ref = ""',
        "depth = 3",
        "depth = 0",
        'params { credentials { password = "open" } }',
        'params { credentials { user = "x" } }',
        'include = ["/etc/*"]',
        "idle_timeout = 0s",
    ],
)
def test_wrong_parameters_are_refused_at_their_place(space: Any, shop: Repository, line: str) -> None:
    write(space, shop, line)
    assert "error[TRC209]" in space.trc("check", "p.trc", code=2).err


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:a/b.git",
        "ssh://git@host/x",
        "file:///etc",
        "https://user:pw@host/x",
        "https://host/x?y=1",
        "-x",
        "ext::sh",
    ],
)
def test_wrong_addresses_are_refused_at_their_place(space: Any, shop: Repository, url: str) -> None:
    write(space, Repository(shop.folder, url))
    assert "error[TRC209]" in space.trc("check", "p.trc", code=2).err


def test_reference_that_moves_meanwhile_is_cloned_as_it_is_then(
    space: Any, shop: Repository, server: GitServer, objects: ObjectServer
) -> None:
    def move(method: str, path: str) -> None:
        del path
        if method == "POST":
            server.before = lambda _method, _path: None
            shop.commit("second", data__a_csv="id\n3\n")

    server.before = move
    write(space, shop, 'retry = { attempts = 2, initial = "10ms" }')
    assert run(space)["attempt"] == 2
    assert objects.read("code/data/a.csv") == b"id\n3\n"
    assert run(space)["state"] == "skipped"
