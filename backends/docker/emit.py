"""What `trc compile --backend docker` writes: a folder that runs the pipeline on any machine with Docker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trc.backends.docker.images import name_of
from trc.backends.docker.options import DockerOptions
from trc.backends.docker.own import own_image
from trc.backends.docker.recipes import recipe_of
from trc.backends.trouble import Trouble
from trc.compiler.environments.lockfile import LOCK_FILE
from trc.runtime.environments.built import NotBuilt
from trc.runtime.errors import stopped
from trc.runtime.folders import PROJECT_FILE
from trc.runtime.spec import PipelineSpec, TaskSpec, remote_schemes

if TYPE_CHECKING:
    from trc.backends.base import Artefacts, Beside
    from trc.compiler.ir.pipeline import Pipeline

_TEMPLATES: Final = "trc.backends.docker"
_SETTINGS: Final = {
    "TRC_UID": ("1000", "whose files the results are: `id -u`"),
    "TRC_GID": ("1000", "`id -g`"),
    "DOCKER_GID": ("999", "the group of the engine's socket: `stat -c %g /var/run/docker.sock`"),
    "DOCKER_SOCKET": ("/var/run/docker.sock", "where the engine listens"),
}

_AWS: Final = {
    "AWS_ACCESS_KEY_ID": "for data on S3; where the machine has a role, none of these is needed",
    "AWS_SECRET_ACCESS_KEY": "the same",
    "AWS_SESSION_TOKEN": "for credentials that end",
    "AWS_DEFAULT_REGION": "where the buckets are",
    "AWS_ENDPOINT_URL": "of a store that is not AWS's own",
}
_REFERENCE: Final = re.compile(r"""["']env:([A-Za-z_][A-Za-z0-9_]*)["']""")


def artefacts(pipeline: Pipeline, spec: PipelineSpec, options: DockerOptions, beside: Beside) -> Artefacts:
    """The files, by path. Stopped for an environment that no image can be made of."""
    own = own_image(options)
    images = _images(spec, options)
    project, file = Path(spec.project), Path(spec.file).resolve()
    secrets = tuple(sorted({*_secrets_of_tasks(spec), *_secrets_of_project(project)}))
    aws = _AWS if "s3" in remote_schemes(spec) else {}
    words = ["run", file.relative_to(project).as_posix(), "--backend", "docker", *beside.chosen]
    compose = {
        "image": own.name,
        "words": ", ".join(map(_quoted, words)),
        "variables": "\n".join([*(f"      {one}: ${{{one}}}" for one in secrets), *(f"      {one}:" for one in aws)]),
        "environments": "".join(_service(number, image) for number, image in enumerate(images, 1)),
    }
    found = {
        "README.md": _filled("README.md", {"pipeline": spec.name, "reads": _reads(spec, project)}),
        "compose.yaml": _filled("compose.yaml", compose).rstrip() + "\n",
        ".env.example": _env_example(secrets, aws),
        "plan.json": json.dumps(_anywhere(spec, project), indent=2, ensure_ascii=False) + "\n",
    }
    for image, recipe in images.items():
        found |= {f"environments/{_folder(image)}/{path}": text for path, text in recipe.items()}
    return {
        **{path: text.encode() for path, text in found.items()},
        **{f"orchestrator/{path}": content for path, content in own.context.items()},
        "ir.json": pipeline.dump(),
        **_project_files(spec, project, file, beside),
    }


def _anywhere(spec: PipelineSpec, project: Path) -> Any:
    """The plan as it is read in the folder: with paths from the project, and without what stands for the pipeline at one place."""
    told = asdict(spec)
    del told["digest"]
    return _relative(told, str(project))


def _relative(value: Any, project: str) -> Any:
    match value:
        case dict():
            return {key: _relative(one, project) for key, one in value.items()}
        case list() | tuple():
            return [_relative(one, project) for one in value]
        case str() if value == project or value.startswith(f"{project}/"):
            return value.removeprefix(project).lstrip("/") or "."
        case _:
            return value


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


def _quoted(word: str) -> str:
    # Compose would put a variable in the place of `$NAME`.
    return json.dumps(word.replace("$", "$$"))


def _secrets_of_tasks(spec: PipelineSpec) -> Iterator[str]:
    for task in spec.tasks:
        yield from (one.ref.removeprefix("env:") for one in task.secrets if one.ref.startswith("env:"))


def _secrets_of_project(project: Path) -> Iterator[str]:
    """The variables that the project file refers to: of hooks, of a shared state, of lineage."""
    with suppress(FileNotFoundError):
        yield from _REFERENCE.findall((project / PROJECT_FILE).read_text(encoding="utf-8"))


def _env_example(secrets: Sequence[str], aws: Mapping[str, str]) -> str:
    lines = [f"# {what}\n{name}={value}\n" for name, (value, what) in _SETTINGS.items()]
    lines += [f"# a secret of the pipeline\n{name}=\n" for name in secrets]
    # One that is there and empty would say something else than one that is not.
    lines += [f"# {what}\n# {name}=\n" for name, what in aws.items()]
    return "\n".join(lines)


def _reads(spec: PipelineSpec, project: Path) -> str:
    """The data that no task writes, as a list."""
    uris = sorted({read.uri for task in spec.tasks for read in task.reads if read.producer is None and read.uri})
    return "\n".join(f"- `{_shown(uri, project)}`" for uri in uris) or "- nothing"


def _shown(uri: str, project: Path) -> str:
    return uri.removeprefix(f"{project}/")


def _project_files(spec: PipelineSpec, project: Path, file: Path, beside: Beside) -> dict[str, bytes]:
    """The pipeline's file, what that was compiled from, what the project says, and the code of the tasks."""
    names = {*beside.files, file.relative_to(project).as_posix(), PROJECT_FILE, LOCK_FILE}
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
