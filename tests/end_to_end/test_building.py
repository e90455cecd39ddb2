"""`trc build`: what tasks run in is there before they run, is said by name, and is found by the runs that want it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.engine import BASE, api, engine
from tests.environments import cache, index

__all__ = ["cache", "engine", "index"]
pytestmark = pytest.mark.usefixtures("cache", "index")

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
DOCKER = f'[docker]\nbase = "{BASE}"\n'
PIPELINE = """
pipeline "p" { }

task plain = shell $$ true $$

task pinned = shell $$ python3 -c "import six" $$ {
  environment { requirements = ["six==1.16.0"] }
}

task alike = shell $$ true $$ {
  environment { requirements = ["six==1.16.0"] }
}
"""
SUPERVISOR = "/opt/trc/supervisor"


@pytest.fixture
def shop(space: Any) -> Any:
    space.write("trc.toml", DOCKER)
    space.write("p.trc", PIPELINE)
    space.trc("lock")
    return space


def test_virtual_environments_are_built_once_and_a_run_finds_them(
    shop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Other tests build the same one.
    monkeypatch.setenv("TRC_CACHE", str(tmp_path / "cache"))
    (first,) = shop.trc("build", "p.trc", "--json").json["built"]
    assert (first["tasks"], first["what"], first["is_new"]) == (
        ["pinned", "alike"],
        f"Python {PYTHON}, 1 package",
        True,
    )
    (again,) = shop.trc("build", "p.trc", "--json").json["built"]
    assert (again["name"], again["is_new"]) == (first["name"], False)
    assert "building" not in shop.trc("run", "p.trc").err
    assert re.search(
        r"^is there  \S+-py\S+  Python .*: pinned, alike\n1 environment: 0 built\n", shop.trc("build", "p.trc").out
    )


def test_a_pipeline_without_environments_needs_nothing(shop: Any) -> None:
    shop.write("p.trc", 'pipeline "p" { }\ntask a = shell $$ true $$\n')
    told = "nothing to build: on the backend local, all tasks run with trc as it is installed\n"
    assert shop.trc("build", "p.trc").out == told
    assert shop.trc("build", "--backend", "local").out == told.replace("all tasks run", "runs are driven")
    assert "takes its FILE" in shop.trc("build", "--param", "a=b", code=3).err


@pytest.mark.engine
def test_images_are_built_once_and_what_cannot_be_had_is_told_at_its_line(shop: Any, engine: str) -> None:
    del engine
    unlike = f'{{ environment {{ requirements = ["six==1.16.0"], env {{ A = "{uuid.uuid4()}" }} }} }}'
    shop.write("p.trc", PIPELINE + f"\ntask other = shell $$ true $$ {unlike}\n")
    built = {one["tasks"][0]: one for one in shop.trc("build", "p.trc", "--backend", "docker", "--json").json["built"]}
    assert set(built) == {"plain", "pinned"}
    assert built["pinned"]["tasks"] == ["pinned", "alike", "other"]
    for one in built.values():
        assert api().inspect_image(one["name"])["Id"]
    again = shop.trc("build", "p.trc", "--backend", "docker", "--json").json["built"]
    assert {(one["name"], one["is_new"]) for one in again} == {(one["name"], False) for one in built.values()}
    # A run may then be told never to build.
    shop.write("trc.toml", DOCKER + 'build = "never"\n')
    assert "building" not in shop.trc("run", "p.trc", "--backend", "docker").err

    absent = 'environment { image = "127.0.0.1:9/none:1" }'
    shop.write(
        "p.trc",
        PIPELINE + f"\ntask odd = shell $$ true $$ {{ {absent} }}\ntask too = shell $$ true $$ {{ {absent} }}\n",
    )
    done = shop.trc("build", "p.trc", "--backend", "docker", code=1)
    assert (
        'error[TRC512]: what task "odd" runs in cannot be had: the image "127.0.0.1:9/none:1" cannot be pulled'
        in done.err
    )
    assert "--> p.trc:13:45" in done.err
    assert 'so it is for "too"' in done.err
    assert done.out.endswith("3 environments: 0 built, 1 cannot be had\n")


@pytest.mark.engine
def test_no_engine_is_told_once(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    done = shop.trc("build", "p.trc", "--backend", "docker", code=1)
    assert done.err.count("error[TRC510]") == 1
    assert "error[TRC510]" in shop.trc("build", code=1).err


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_trc_has_an_image_of_its_own_that_can_be_laid_into_any_other(shop: Any, engine: str) -> None:
    del engine
    # The first time, what trc stands on is downloaded: that takes its time.
    first = shop.start("build", "--json")
    (own,) = json.loads(first.communicate()[0])["built"]
    version = shop.trc("--version").out
    assert re.fullmatch(rf"trc:{re.escape(version.split()[1])}-[0-9a-f]{{12}}", own["name"])
    (again,) = shop.trc("build", "--json").json["built"]
    assert again == {**own, "is_new": False, "seconds": 0.0}
    assert docker("run", "--rm", own["name"], "--version") == version

    # Where there is no Python at all, all that it needs but the C library comes along, and it runs a pipeline.
    laid = "trc-test/laid:1"
    lines = f"FROM trc-test/debian\nCOPY --from={own['name']} {SUPERVISOR} {SUPERVISOR}\nRUN ! command -v python3\n"
    docker("build", "-q", "-t", laid, "-", given=lines)
    look = "import bz2, ctypes, lzma, readline, sqlite3, ssl, uuid, zlib; print(open('/proc/self/maps').read())"
    loaded = set(re.findall(r"/\S+\.so\S*", docker("run", "--rm", laid, f"{SUPERVISOR}/env/bin/python", "-c", look)))
    outside = {one.rpartition("/")[2].partition(".so")[0] for one in loaded if not one.startswith(SUPERVISOR)}
    assert outside <= {
        "ld-linux-x86-64",
        "ld-linux-aarch64",
        "libc",
        "libm",
        "libdl",
        "libpthread",
        "librt",
        "libutil",
        "libcrypt",
    }
    pipeline = 'pipeline \\"p\\" { }\\ntask a = sql \\$\\$ select 40 + 2 as n \\$\\$ { output = csv(\\"a.csv\\") }\\n'
    script = f'cd /tmp && printf "{pipeline}" > p.trc && {SUPERVISOR}/env/bin/trc run p.trc >&2 && cat a.csv'
    assert docker("run", "--rm", "--network", "none", laid, "sh", "-c", script) == "n\n42\n"


def docker(*words: str, given: str | None = None) -> str:
    done = subprocess.run(["docker", *words], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", ["run", "build"])
def test_options_that_the_backend_does_not_have_are_a_wrong_use(space: Any, command: str) -> None:
    space.write("p.trc", 'pipeline "p" { }\ntask a = shell $$ true $$\n')
    done = space.trc(command, "p.trc", "--pull", "never", code=3)
    assert 'Error: --pull says nothing to the backend "local"' in done.err
    space.trc("run", "p.trc")
    # It is no less so where there would be nothing to do.
    assert "--pull" in space.trc(command, "p.trc", "--pull", "never", code=3).err
    assert "'sometimes' is not one of" in space.trc(command, "p.trc", "--build", "sometimes", code=3).err


def test_a_network_that_has_no_such_name_is_a_wrong_use(space: Any) -> None:
    space.write("p.trc", 'pipeline "p" { }\ntask a = shell $$ true $$\n')
    done = space.trc("run", "p.trc", "--backend", "docker", "--network", "a b", code=3)
    assert "Error: --network takes the name of a network of Docker: 'a b' is none" in done.err
