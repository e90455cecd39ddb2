"""Why a container or an image cannot be had: what the engine says, as failures with a reason and a remedy."""

from __future__ import annotations

import re
from typing import Any, Final

from trc.backends.trouble import Trouble

INSTALL: Final = "install it: pip install 'trc-pipelines[docker]'"
_DENIED: Final = re.compile(
    r"pull access denied|unauthorized|denied:|authentication required|no basic auth", re.IGNORECASE
)
_UNKNOWN: Final = re.compile(
    r"manifest (?:for \S+ not found|unknown)|not found|no such image|name unknown", re.IGNORECASE
)
_FULL: Final = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_AWAY: Final = re.compile(
    r"no such host|i/o timeout|connection (?:refused|reset)|name resolution|network is unreachable|"
    r"TLS handshake|dial tcp|Failed to establish a new connection|Could not resolve|ReadTimeout",
    re.IGNORECASE,
)  # fmt: skip
_NO_PYTHON: Final = re.compile(r'exec: "?python3"?: .*not found|"python3": executable file not found', re.IGNORECASE)
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


def no_engine(address: str, error: BaseException) -> Trouble:
    """Nobody answers, or not to us."""
    if "permission denied" in str(error).lower():
        return Trouble(
            "docker_permission",
            f"the Docker engine at {address} does not let this user in",
            "add the user to the group that owns the socket, mostly `docker`, and log in anew; or say another engine with DOCKER_HOST",
        )
    return Trouble(
        "docker_engine",
        f"no Docker engine answers at {address}",
        "start it, or say with DOCKER_HOST where it is; without --backend, tasks run on this machine",
        is_temporary=True,
    )


def of_pull(image: str, said: str) -> Trouble:
    """An image that is not to be had from its registry."""
    first, slash, _ = image.partition("/")
    registry = first if slash and (set(first) & set(".:") or first == "localhost") else "docker.io"
    if _FULL.search(said):
        return full(said)
    if _AWAY.search(said):
        return Trouble(
            "docker_pull",
            f'the image "{image}" cannot be pulled: {registry} cannot be reached',
            said,
            f"look at the network of the Docker engine, and whether {registry} is what is meant",
            is_temporary=True,
        )
    if _DENIED.search(said) or _UNKNOWN.search(said):
        return Trouble(
            "docker_pull",
            f'the image "{image}" cannot be pulled: {registry} does not have it, or does not give it to us',
            said,
            f"look how it is written; `docker login {registry}` stores what a private registry asks for",
        )
    return Trouble("docker_pull", f'the image "{image}" cannot be pulled', said, f"`docker pull {image}` tells more")


def of_build(image: str, step: str, output: str) -> Trouble:
    """An image that cannot be built; `output` is what the step printed that failed."""
    output = _COLOUR.sub("", output)
    if _FULL.search(output):
        return full(output.strip().splitlines()[-1])
    told = [line.strip() for line in output.splitlines() if re.match(r"\s*(ERROR:|E:|error:)", line)]
    lines = told or [line.strip() for line in output.splitlines() if line.strip()][-3:]
    missing = re.search(r"No matching distribution found for (\S+)", output)
    # pip says so of a package, too, when it could ask nobody for it.
    if _AWAY.search(output) and (not missing or "(from versions: none)" in output):
        return Trouble(
            "environment_index",
            "the image of the environment cannot be built: packages cannot be reached from the build",
            *lines[:4],
            is_temporary=True,
        )
    what, remedy = "its packages cannot be installed", "`trc build` tries it again by itself"
    if "apt-get" in step:
        what = "its system packages cannot be installed"
        remedy = f"look what they are called in the Debian of {image}"
    if missing:
        what = f"{missing[1]} has no wheel for the Python and the platform of {image}"
        remedy = "ask for a version or a Python that it has wheels for, and write that down with `trc lock`"
    elif "python3: not found" in output or "No module named" in output:
        return Trouble(
            "docker_python",
            f'the image "{image}" has no python3 with venv and pip, which an environment is built with',
            *lines[:4],
            "name an image that has them, or leave out the image: trc then chooses one",
        )
    elif "HASHES" in output:
        what = "what was downloaded does not have the hash that is locked"
        remedy = "look where it came from; if another file is meant, `trc lock --upgrade-package` writes its hash"
    return Trouble("docker_build", f"the image of the environment cannot be built: {what}", *lines[:4], remedy)


def of_start(error: Any, image: str, gpus: int | None) -> Trouble:
    """A container that the engine did not make or start."""
    said = str(getattr(error, "explanation", "") or error).strip()
    if _FULL.search(said):
        return full(said)
    if _NO_PYTHON.search(said):
        return no_python(image)
    if gpus and re.search(r"device driver|gpu|nvidia", said, re.IGNORECASE):
        return Trouble(
            "docker_limits",
            "the engine has no GPU to give",
            said,
            "install the NVIDIA container toolkit on the engine's machine, or leave out gpu",
        )
    if re.search(r"CPU|memory|pids|shm|cgroup", said) and "mount" not in said:
        return Trouble(
            "docker_limits",
            "the engine does not take the limits of the task",
            said,
            "`docker info` tells what it has to give",
        )
    if re.search(r"network \S+ not found", said):
        return Trouble(
            "docker_limits", said, "`docker network ls` tells which there are; [docker] in trc.toml says which is taken"
        )
    return Trouble(
        "docker_start",
        "the container cannot be started",
        said,
        "`docker info` tells what the engine warns of; [docker] in trc.toml says how containers are made",
    )


def no_python(image: str) -> Trouble:
    """An image that tasks cannot run in."""
    return Trouble(
        "docker_python",
        f'the image "{image}" has no python3',
        "tasks run on Python 3.9 or later, which has to be on its PATH: name an image that has it",
    )


def full(said: str) -> Trouble:
    """No room left where the engine keeps images."""
    return Trouble(
        "docker_disk",
        "there is no room left where the Docker engine keeps its images",
        said,
        "`docker system df` tells what takes it; `docker image prune` removes images that nobody uses",
        is_temporary=True,
    )
