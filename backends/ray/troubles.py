"""Why attempts cannot run on a cluster: what Ray says, as failures with a reason and a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from trc.backends.ray.shapes import Shape
from trc.backends.trouble import Trouble
from trc.runtime.taskside.result import Failure

INSTALL: Final = "install it: pip install 'trc-pipelines[ray]'"
_VERSIONS: Final = re.compile(r"Ray:\s*(\S+)\s+Python:\s*(\S+)")
_TOLD: Final = 4
"""How many kinds of nodes are told."""


def no_package(error: ImportError) -> Trouble:
    """Ray is not installed, or not whole."""
    if error.name != "ray":
        return Trouble("ray_package", f'the package "ray" cannot be loaded: {error}', INSTALL)
    return Trouble("ray_package", 'the Ray backend needs the package "ray", which is not installed', INSTALL)


def not_started(error: BaseException) -> Trouble:
    """No cluster can be started on this machine."""
    return Trouble(
        "ray_start",
        f"Ray cannot be started on this machine: {first_line(error)}",
        "look at its memory, its limits of processes and open files, and the room in /tmp",
    )


def no_dashboard() -> Trouble:
    """The dashboard is asked for, and Ray has come without it."""
    return Trouble(
        "ray_package",
        "the dashboard of Ray needs packages that are not installed",
        "install them: pip install 'ray[default]'; or leave out `dashboard` under [ray] in trc.toml",
    )


def not_joined(address: str, error: BaseException) -> Trouble:
    """A cluster that is not there, or not for us."""
    said = "\n".join(map(str, _chain(error)))
    versions = _VERSIONS.findall(said)
    if "ersion mismatch" in said and len(versions) == 2:
        (its_ray, its_python), (our_ray, our_python) = versions
        is_python = its_ray == our_ray
        what = (
            f"Python {its_python}, and this is Python {our_python}"
            if is_python
            else f"Ray {its_ray}, and this is Ray {our_ray}"
        )
        remedy = f"run trc with Python {its_python}" if is_python else f"install the same: pip install 'ray=={its_ray}'"
        return Trouble(
            "ray_version", f"the Ray cluster at {address} runs {what}", f"{remedy}; both have to be of one version"
        )
    if "AuthenticationError" in said or "AuthToken" in said or "no authentication token" in said:
        return Trouble(
            "ray_token",
            f"the Ray cluster at {address} does not let this user in",
            "give its token with RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH, and set RAY_AUTH_MODE=token",
        )
    if "matching attributes" in said or "node to connect" in said:
        return Trouble(
            "ray_cluster",
            f"this machine is no node of the Ray cluster at {address}",
            "run trc on a node of the cluster, as its head; `ray start --address` makes one of this machine",
        )
    return no_cluster(address)


def no_cluster(address: str) -> Trouble:
    """Nobody answers there."""
    if address == "auto":
        return Trouble(
            "ray_cluster",
            "no Ray cluster runs on this machine",
            "start one: ray start --head; or leave out `address` under [ray] in trc.toml, and trc starts one for the run",
            is_temporary=True,
        )
    return Trouble(
        "ray_cluster",
        f"no Ray cluster answers at {address}",
        "look at `address` under [ray] in trc.toml, or RAY_ADDRESS, and whether its head runs; without `address`, trc starts one for the run",
        is_temporary=True,
    )


def severed(address: str, post: str) -> Trouble:
    """The cluster is gone in the middle of a run."""
    where = f"at {address} " if address not in {"", "auto"} else ""
    what = "the node of this machine is gone" if post == "node" else "its head does not answer any more"
    return Trouble(
        "ray_lost",
        f"the Ray cluster {where}was lost: {what}",
        "look whether its head runs and the network reaches it, then `trc run` again: it goes on with this run, "
        "what is done stays done, and what ran is tried again",
        is_temporary=True,
    )


def infeasible(asked: Shape, nodes: Sequence[Shape], seconds: int) -> Failure:
    """No node can ever run it."""
    names = {name for name, _ in (*asked.resources, *asked.labels)}
    kinds = sorted(
        {str(one): one for one in nodes}.items(),
        # Those that have something of the kind come first.
        key=lambda item: (-len(names & {*dict(item[1].resources), *dict(item[1].labels)}), -item[1].cpus, item[0]),
    )
    told = [f"a node has {kind}" for kind, _shape in kinds[:_TOLD]] or ["there is no node"]
    if len(kinds) > _TOLD:
        told.append(f"{len(kinds) - _TOLD} more kinds of nodes cannot, either")
    waited = f", and none joined in {seconds} s" if seconds else ""
    message = f"no node of the Ray cluster can run this: it asks for {asked}{waited}"
    remedy = (
        "ask for less, or add a node that has as much; [ray] wait_for_nodes in trc.toml says how long one is waited for"
    )
    return Failure("\n".join((message, *told, remedy)), "permanent", "ray_resources")


def bad_node(message: str, *remedies: str) -> Failure:
    """Nodes that tasks cannot run on as they are."""
    return Failure("\n".join((message, *remedies)), "permanent", "ray_node")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """It, and what it comes of: Ray hides a refusal behind an error of its own."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def first_line(error: BaseException) -> str:
    """What an exception says, without what follows."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
