"""Images that authors name: had from a registry with a password, told apart by their digests, and what is told where they cannot be had."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from tests.engine import BASE, api, engine, registry
from tests.engines.registry import Registry
from tests.environments import cache

__all__ = ["cache", "engine", "registry"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine", "cache")]

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
CODE = """
def go(context):
    with open("/etc/told") as told, open(context.output.path, "w") as file:
        file.write(told.read())
"""
PIPELINE = """
pipeline "p" {{ }}

task go = python("code.py:go") {{
  inputs = []
  output = file("go.txt")
  incremental {{ enabled = true }}
  environment {{ image = "{image}"{more} }}
}}
"""


@pytest.fixture
def shop(space: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project, of a user who is logged in nowhere."""
    monkeypatch.setenv("DOCKER_CONFIG", str(space.root / "docker"))
    space.write("code.py", CODE)
    space.write("trc.toml", f'[docker]\nbase = "{BASE}"\nnetwork = "none"\n')
    return space


def make(image: str, told: str) -> str:
    """An image with a Python and a file that says something; answers its id."""
    lines = f"FROM {BASE.format(python=PYTHON)}\nRUN echo {told} > /etc/told\n"
    docker("build", "-q", "-t", image, "-", given=lines)
    identity: str = api().inspect_image(image)["Id"]
    return identity


def docker(*words: str, given: str | None = None) -> None:
    done = subprocess.run(["docker", *words], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run(shop: Any, *more: str, code: int = 0) -> str:
    (told,) = shop.trc("run", "p.trc", "--json", "--backend", "docker", *more, code=code).json["tasks"]
    state: str = told["state"]
    return state


def test_an_image_of_a_registry_with_a_password(shop: Any, registry: Registry) -> None:
    image = f"{registry.address}/tools:1"
    make(image, "first")
    registry.log_in(shop.root / "docker")
    docker("push", "-q", image)
    docker("rmi", image)
    shop.write("p.trc", PIPELINE.format(image=image, more=""))

    # Who is not logged in is told so, at the line.
    (shop.root / "docker/config.json").rename(shop.root / "docker/aside")
    done = shop.trc("run", "p.trc", "--backend", "docker", code=1)
    first = f'error[TRC512]: task "go" failed: the image "{image}" cannot be pulled: {registry.address} does not have it, or does not give it to us'
    assert f"{first}\n --> p.trc:7:17" in done.err
    assert f"`docker login {registry.address}` stores what a private registry asks for" in done.err

    # Who is has it, by the credentials that Docker's own commands use.
    (shop.root / "docker/aside").rename(shop.root / "docker/config.json")
    assert run(shop) == "success"
    assert shop.read("go.txt") == "first\n"
    assert run(shop) == "skipped"
    # Somebody without it finds out by the registry what it is, and pulls nothing.
    docker("rmi", "-f", image)
    assert run(shop) == "skipped"
    assert not api().images(image)


def test_what_a_registry_has_is_pulled_anew_where_that_is_said(shop: Any, registry: Registry) -> None:
    image = f"{registry.address}/moved:1"
    registry.log_in(shop.root / "docker")
    make(image, "there")
    docker("push", "-q", image)
    make(image, "here")
    shop.write("p.trc", PIPELINE.format(image=image, more=""))
    assert run(shop) == "success"
    assert shop.read("go.txt") == "here\n"
    # The key is that of the image that will be pulled, and so is what the task runs in.
    assert run(shop, "--pull", "always") == "success"
    assert shop.read("go.txt") == "there\n"
    assert run(shop, "--pull", "always") == "skipped"
    docker("rmi", "-f", image)
    told = shop.trc("run", "p.trc", "--force", "--backend", "docker", "--pull", "never", code=1).err
    assert f'there is no image "{image}" here, and [docker] says pull = "never"\n --> p.trc:7:17' in told


def test_a_tag_that_means_another_image_runs_the_task_again(shop: Any) -> None:
    image = "trc-test/moving:1"
    first = make(image, "first")
    shop.write("p.trc", PIPELINE.format(image=image, more=""))
    assert [run(shop), run(shop)] == ["success", "skipped"]
    second = make(image, "second")
    assert shop.trc("plan", "p.trc", "--json", "--backend", "docker").json["tasks"][0]["action"] == "run"
    assert run(shop) == "success"
    assert shop.read("go.txt") == "second\n"
    (change,) = shop.why("go")["changes"]
    assert change == {"field": "environment.image", "old": first, "new": second}
    # Another name for the same image is the same image.
    docker("tag", image, "trc-test/other:2")
    shop.write("p.trc", PIPELINE.format(image="trc-test/other:2", more=""))
    assert run(shop) == "skipped"


def test_what_stands_on_an_image_is_built_again_when_that_is_another(shop: Any) -> None:
    image = "trc-test/moving:2"
    make(image, "first")
    shop.write("p.trc", PIPELINE.format(image=image, more=f', python = "{PYTHON}"'))
    shop.trc("lock")
    assert [run(shop), run(shop)] == ["success", "skipped"]
    make(image, "second")
    assert run(shop) == "success"
    assert shop.read("go.txt") == "second\n"


def test_an_image_that_nobody_has_always_runs_and_says_why(shop: Any) -> None:
    shop.write("p.trc", PIPELINE.format(image="trc-test/absent:1", more=""))
    assert run(shop, code=1) == "failure"
    assert shop.why("go")["text"] == 'it always runs: nobody can tell now which image "trc-test/absent:1" is'


def test_images_are_built_beside_each_other_before_their_tasks_begin(shop: Any) -> None:
    shop.write("trc.toml", f'[docker]\nbase = "{BASE}"\nnetwork = "none"\nbuild = "always"\n')
    shop.write(
        "p.trc",
        'pipeline "p" { }\n'
        'task first = shell $$ true $$ { environment { python = "3.9" } }\n'
        'task last = shell $$ true $$ { environment { python = "3.12" }, needs = [first] }\n',
    )
    shop.trc("lock")
    told = shop.trc("run", "p.trc", "--backend", "docker").err.splitlines()
    words = [tuple(line.split()[:2]) for line in told]
    assert set(words[1:3]) == {("building", "first"), ("building", "last")}
    assert sorted(word for word in words if word[0] in {"built", "done"}) == [
        ("built", "first"),
        ("built", "last"),
        ("done", "first"),
        ("done", "last"),
    ]
    assert "trc-test/python:3.12, 0 packages" in next(line for line in told if line.startswith("building last"))
