"""What `trc compile --backend docker` writes: the same bytes twice, nothing that is missing, and a folder that runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engine import BASE, engine
from tests.environments import cache, index
from tests.warm import COMMANDS

import trc
from trc.backends.docker.wheel import constraints, wheel

__all__ = ["cache", "engine", "index"]

PIPELINE = """
pipeline "shop" { }

source orders = csv("data/orders.csv")

task paid = sql $$ select id from orders where paid $$ { output = csv("out/paid.csv") }

task told = python("code/tell.py:tell") {
  input = paid
  output = file("out/told.txt")
  args { token = secret("env:SHOP_TOKEN") }
}

task jq = shell $$ jq --version > "$TRC_OUTPUT_OUTPUT" $$ {
  output = file("out/jq.txt")
  environment { system_packages = ["jq"] }
}
"""
TELL = """
def tell(context):
    with open(context.output.path, "w") as file:
        file.write(str(len(context.args["token"])))
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    project = tmp_path / "shop"
    for name, text in {
        "shop.trc": PIPELINE,
        "code/tell.py": TELL,
        "data/orders.csv": "id,paid\n1,true\n2,false\n",
        "trc.toml": f'[docker]\nbase = "{BASE}"\n',
        "unrelated.txt": "not of the pipeline",
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    return project


def compiled(project: Path, folder: Path) -> dict[str, bytes]:
    done = COMMANDS.run(["compile", "shop.trc", "--backend", "docker", "-o", str(folder)], project)
    assert done.code == 0, done.err
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_compiled_twice_it_is_byte_for_byte_the_same(shop: Path, tmp_path: Path) -> None:
    first = compiled(shop, tmp_path / "first")
    for path in shop.rglob("*"):
        os.utime(path, (1, 1))
    assert compiled(shop, tmp_path / "second") == first
    # Wherever the project lies.
    elsewhere = Path(shutil.copytree(shop, tmp_path / "another place/shop"))
    assert compiled(elsewhere, tmp_path / "third") == first


def test_it_holds_what_the_pipeline_needs_and_nothing_of_this_machine(shop: Path, tmp_path: Path) -> None:
    found = compiled(shop, tmp_path / "out")
    inside = {name for name in found if name.startswith("project/")}
    assert inside == {"project/shop.trc", "project/trc.toml", "project/code/tell.py"}
    compose = yaml.safe_load(found["compose.yaml"])
    images = {one["image"]: one["build"] for name, one in compose["services"].items() if name != "pipeline"}
    assert len(images) == 2
    for folder in images.values():
        assert {f"{folder}/Dockerfile", f"{folder}/requirements.txt"} <= set(found)
    assert compose["services"]["pipeline"]["environment"]["SHOP_TOKEN"] == "${SHOP_TOKEN}"
    # Of an engine that gives containers users and processes of their own, both have to be the machine's.
    assert [compose["services"]["pipeline"][key] for key in ("pid", "userns_mode")] == ["host", "host"]
    asked = {
        line.partition("=")[0] for line in found[".env.example"].decode().splitlines() if "=" in line and line[0] != "#"
    }
    assert asked == {"TRC_UID", "TRC_GID", "DOCKER_GID", "DOCKER_SOCKET", "SHOP_TOKEN"}
    assert "- `data/orders.csv`" in found["README.md"].decode()
    for name, content in found.items():
        assert str(tmp_path).encode() not in content, name
    assert not any(b"@image@" in content or b"@file@" in content for content in found.values())
    assert json.loads(found["artefacts.json"]).keys() == found.keys() - {"artefacts.json"}


MANY = """
import "parts/common.trc"
import "parts/words.jinja"

pipeline "shop" { on_failure = webhook("https://hooks.example.com/x") }

param price: string = "1$"

target "prod" { backend = "docker", params { region = "us" } }

task pinned = shell $$ true $$ {
  environment {
    python = "PYTHON"
    requirements_file = "deps/all.txt"
  }
}

task loud = sql $$ select {{ shout("orders") }} as told, {{ region }} as region, {{ price }} as price $$ { output = csv("out/loud.csv") }

task far = sql $$ select sum(n) as n from remote $$ { output = parquet("s3://lake/out.parquet") }
"""
MANY_FILES = {
    "parts/common.trc": 'param region: string = "eu"\nsource remote = csv("s3://lake/in.csv") { columns { n: bigint } }\n',
    "parts/words.jinja": "{% macro shout(word) %}upper('{{ word }}'){% endmacro %}\n",
    "deps/all.txt": "# nothing yet\n",
    "values.yaml": "price: 2$\n",
    "trc.toml": '[hooks]\nkey = "env:HOOKS_KEY"\n',
}


def test_it_holds_what_the_pipeline_is_compiled_from_and_runs_as_was_chosen(shop: Path, tmp_path: Path) -> None:
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for name, text in {**MANY_FILES, "shop.trc": MANY.replace("PYTHON", python)}.items():
        (shop / name).parent.mkdir(exist_ok=True)
        (shop / name).write_text(text)
    assert COMMANDS.run(["lock"], shop).code == 0
    chosen = ["--target", "prod", "--params", "values.yaml", "--param", "region=it's $HOME"]
    done = COMMANDS.run(["compile", "shop.trc", "--backend", "docker", "-o", str(tmp_path / "out"), *chosen], shop)
    assert done.code == 0, done.err
    project = tmp_path / "out/project"
    found = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert found == {*MANY_FILES, "shop.trc", "trc.lock"}
    compose = yaml.safe_load((tmp_path / "out/compose.yaml").read_text())["services"]["pipeline"]
    _trc, *words = [word.replace("$$", "$") for word in compose["entrypoint"]]
    assert words == ["run", "shop.trc", "--backend", "docker", "--target", "prod",
                     "--param", "region=it's $HOME", "--params", "values.yaml"]  # fmt: skip
    # It is compiled there once more: nothing that it takes is missing.
    planned = COMMANDS.run(["plan", *words[1:2], *words[4:], "--json"], project)
    assert planned.code == 0, planned.err
    assert compose["environment"]["HOOKS_KEY"] == "${HOOKS_KEY}"
    # What is not set is not to be set there to nothing.
    assert compose["environment"]["AWS_ACCESS_KEY_ID"] is None
    told = (tmp_path / "out/.env.example").read_text()
    assert "\nHOOKS_KEY=\n" in told
    assert "\n# AWS_ENDPOINT_URL=\n" in told


def test_a_pipeline_in_python_has_the_modules_that_it_imports(shop: Path, tmp_path: Path) -> None:
    for name, text in {
        "trc.toml": 'pipelines = ["shop.py"]\n',
        "shop.py": "import trc\nfrom parts.names import NAME\n\npipeline = trc.Pipeline(NAME)\n"
        "one = pipeline.sql('one', 'select 1 as n')\n",
        "parts/names.py": "from parts.more import NAME\n",
        "parts/more.py": "NAME = 'shop'\n",
    }.items():
        (shop / name).parent.mkdir(exist_ok=True)
        (shop / name).write_text(text)
    done = COMMANDS.run(["compile", "shop.py", "--backend", "docker", "-o", str(tmp_path / "out")], shop)
    assert done.code == 0, done.err
    project = tmp_path / "out/project"
    found = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert found == {"shop.py", "trc.toml", "parts/names.py", "parts/more.py"}
    assert COMMANDS.run(["check", "shop.py"], project).code == 0


def test_the_wheel_holds_every_module_and_says_what_it_is(tmp_path: Path) -> None:
    name, content = wheel()
    assert wheel() == (name, content)
    (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / name) as archive:
        held = set(archive.namelist())
        points = archive.read(next(one for one in held if one.endswith("entry_points.txt"))).decode()
    package = Path(trc.__file__).parent
    assert {f"trc/{one}" for one in ("cli/__init__.py", "backends/docker/templates/compose.yaml", "py.typed")} <= held
    modules = [one for folder in ("compiler", "runtime") for one in (package / folder).resolve().rglob("*.py")]
    assert {f"trc/{one.relative_to(package.resolve().parents[1]).as_posix()}" for one in modules} <= held
    assert "docker = trc.backends.docker:DockerBackend" in points
    assert {"docker", "duckdb", "click"} <= {line.partition("==")[0] for line in constraints().splitlines()}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ('system_packages = ["jq; rm -rf /"]', '"jq; rm -rf /" is not the name of a Debian package'),
        ('image = "a b"', '"a b" is not the name of an image'),
    ],
)
def test_what_no_image_can_be_made_of_is_refused(shop: Path, tmp_path: Path, environment: str, message: str) -> None:
    (shop / "shop.trc").write_text(
        f'pipeline "shop" {{ }}\ntask odd = shell $$ true $$ {{ environment {{ {environment} }} }}\n'
    )
    done = COMMANDS.run(["compile", "shop.trc", "--backend", "docker", "-o", str(tmp_path / "out")], shop)
    assert done.code == 2
    assert f"error[TRC205]: {message}\n --> shop.trc:2:" in done.err
    assert not (tmp_path / "out").exists()


def compose() -> list[str]:
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.skip("docker compose is not installed (Debian: docker-compose)")


@pytest.mark.engine
def test_the_folder_runs_by_compose(shop: Path, tmp_path: Path, engine: str, index: None) -> None:
    del index
    command = compose()
    if not engine.startswith("unix://"):
        pytest.skip("the engine is elsewhere")
    folder, source = tmp_path / "deployed", 'source orders = csv("data/orders.csv")\n'
    (shop / "common.trc").write_text(source)
    (shop / "shop.trc").write_text(f'import "common.trc"\n{PIPELINE.replace(source, "")}')
    compiled(shop, folder)
    shutil.copytree(shop / "data", folder / "project/data")
    socket = engine.removeprefix("unix://")
    settings = {
        "TRC_UID": os.getuid(), "TRC_GID": os.getgid(), "DOCKER_GID": Path(socket).stat().st_gid,
        "DOCKER_SOCKET": socket, "SHOP_TOKEN": "sesame-open",
    }  # fmt: skip
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    environ: dict[str, Any] = {
        **os.environ,
        "PWD": str(folder),
        "DOCKER_BUILDKIT": "0",
        "COMPOSE_DOCKER_CLI_BUILD": "0",
    }

    def call(*words: str) -> str:
        done = subprocess.run([*command, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    call("--profile", "images", "build")
    call("up")
    assert (folder / "project/out/paid.csv").read_text() == "id\n1\n"
    assert (folder / "project/out/told.txt").read_text() == "11"
    assert (folder / "project/out/jq.txt").read_text().startswith("jq-")
    assert "skipped" in call("run", "--rm", "pipeline", "--json")
    call("down")
