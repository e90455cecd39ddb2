"""What `trc compile --backend docker` writes: a folder that runs the pipeline on any machine with Docker."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trc.backends.docker.images import name_of
from trc.backends.docker.options import DockerOptions
from trc.backends.docker.own import own_image
from trc.backends.docker.recipes import recipe_of
from trc.backends.trouble import Trouble
from trc.compiler.environments.lockfile import LOCK_FILE
from trc.runtime.environments.built import NotBuilt
from trc.runtime.errors import stopped
from trc.runtime.folders import PROJECT_FILE
from trc.runtime.spec import PipelineSpec, TaskSpec

if TYPE_CHECKING:
    from trc.backends.base import Artefacts
    from trc.compiler.ir.pipeline import Pipeline

_TEMPLATES: Final = "trc.backends.docker"
_SETTINGS: Final = {
    "TRC_UID": ("1000", "whose files the results are: `id -u`"),
    "TRC_GID": ("1000", "`id -g`"),
    "DOCKER_GID": ("999", "the group of the engine's socket: `stat -c %g /var/run/docker.sock`"),
    "DOCKER_SOCKET": ("/var/run/docker.sock", "where the engine listens"),
}


def artefacts(pipeline: Pipeline, spec: PipelineSpec, options: DockerOptions) -> Artefacts:
    """The files, by path. Stopped for an environment that no image can be made of."""
    own = own_image(options)
    images = _images(spec, options)
    project, file = Path(spec.project), Path(spec.file).resolve()
    secrets = tuple(
        sorted({one.ref.removeprefix("env:") for task in spec.tasks for one in task.secrets if _is_env(one.ref)})
    )
    compose = {
        "image": own.name,
        "file": json.dumps(file.relative_to(project).as_posix()),
        "variables": "\n".join(f"      {one}: ${{{one}}}" for one in secrets),
        "environments": "".join(_service(number, image) for number, image in enumerate(images, 1)),
    }
    found = {
        "README.md": _filled("README.md", {"pipeline": spec.name, "reads": _reads(spec, project)}),
        "compose.yaml": _filled("compose.yaml", compose).rstrip() + "\n",
        ".env.example": _env_example(secrets),
        "plan.json": json.dumps(asdict(spec), indent=2, ensure_ascii=False) + "\n",
    }
    for image, recipe in images.items():
        found |= {f"environments/{_folder(image)}/{path}": text for path, text in recipe.items()}
    return {
        **{path: text.encode() for path, text in found.items()},
        **{f"orchestrator/{path}": content for path, content in own.context.items()},
        "ir.json": pipeline.dump(),
        **_project_files(spec, project, file),
    }


def _images(spec: PipelineSpec, options: DockerOptions) -> Mapping[str, Mapping[str, str]]:
    """By name, what the images of the tasks are built from; those that are taken as they are need no building."""
    found: dict[str, Mapping[str, str]] = {}
    for task in spec.tasks:
        try:
            recipe, _ = recipe_of(spec.project, task.environment, task.image, task.system_packages, options.base)
            context = recipe.files()
        except NotBuilt as error:
            raise stopped("TRC645", str(error)) from error
        except Trouble as error:
            first, *rest = str(error).splitlines()
            raise stopped("TRC513", f'task "{task.name}": {first}', *rest, exit_code=2) from error
        if not recipe.is_base:
            found[name_of(context)] = context
    return dict(sorted(found.items()))


def _service(number: int, image: str) -> str:
    return (
        f"\n  environment-{number}:\n    profiles: [images]\n    image: {image}\n"
        f'    build: environments/{_folder(image)}\n    command: ["true"]\n'
    )


def _folder(image: str) -> str:
    return image.rpartition(":")[2]


def _is_env(ref: str) -> bool:
    return ref.startswith("env:")


def _env_example(secrets: Sequence[str]) -> str:
    lines = [f"# {what}\n{name}={value}\n" for name, (value, what) in _SETTINGS.items()]
    lines += [f"# a secret of the pipeline\n{name}=\n" for name in secrets]
    return "\n".join(lines)


def _reads(spec: PipelineSpec, project: Path) -> str:
    """The data that no task writes, as a list."""
    uris = sorted({read.uri for task in spec.tasks for read in task.reads if read.producer is None and read.uri})
    return "\n".join(f"- `{_shown(uri, project)}`" for uri in uris) or "- nothing"


def _shown(uri: str, project: Path) -> str:
    return uri.removeprefix(f"{project}/")


def _project_files(spec: PipelineSpec, project: Path, file: Path) -> dict[str, bytes]:
    """The pipeline's file, what the project says, and the code of the tasks."""
    names = {file.relative_to(project).as_posix(), PROJECT_FILE, LOCK_FILE}
    for task in spec.tasks:
        names |= {path for path, _ in task.code} | set(_entry(task))
    return {f"project/{name}": (project / name).read_bytes() for name in sorted(names) if (project / name).is_file()}


def _entry(task: TaskSpec) -> Iterator[str]:
    entrypoint = task.params.get("entrypoint")
    if isinstance(entrypoint, str):
        yield entrypoint.partition(":")[0]


def _filled(name: str, values: Mapping[str, str]) -> str:
    text = (files(_TEMPLATES) / "templates" / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text
