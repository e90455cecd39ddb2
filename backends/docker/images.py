"""Images of environments: found by what they hold, else built, from layers that are kept."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock, Semaphore
from typing import Final

from trc.backends.docker.dockerfile import INDEX_ARGUMENTS, Recipe
from trc.backends.docker.engine import Engine
from trc.backends.docker.options import DockerOptions
from trc.backends.docker.troubles import no_engine, of_build, of_pull
from trc.backends.trouble import Trouble
from trc.runtime.environments.built import AT_A_TIME

REPOSITORY: Final = "trc-environment"
LABEL: Final = "trc.environment"
BASE: Final = "trc.base"
"""The label with the id of what an image was built on."""
_INDEX_OF_UV: Final = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")


@dataclass(slots=True)
class Images:
    """The images of one engine. Each is made once, whoever asks first; the others wait for it."""

    engine: Engine
    options: DockerOptions
    _locks: dict[Recipe, Lock] = field(default_factory=dict[Recipe, Lock])
    _known: dict[Recipe, str] = field(default_factory=dict[Recipe, str])
    _guard: Lock = field(default_factory=Lock)
    _room: Semaphore = field(default_factory=lambda: Semaphore(AT_A_TIME))

    def ready(self, recipe: Recipe, begun: Callable[[], None] = lambda: None) -> str:
        """The name by which the image runs. Takes as long as a build does: `begun` is told of one. Raises `Trouble`."""
        with self._guard:
            lock = self._locks.setdefault(recipe, Lock())
        with lock:
            if recipe not in self._known:
                with self._room:
                    self._known[recipe] = self._made(recipe, begun)
            return self._known[recipe]

    def _made(self, recipe: Recipe, begun: Callable[[], None]) -> str:
        files = recipe.files()
        if recipe.is_base:
            self._base(recipe.base, begun)
            return recipe.base
        name = name_of(files)
        if self.options.build != "always" and self._is_there(name, recipe, begun):
            return name
        if self.options.build == "never":
            raise _not_built(name)
        begun()
        self._base(recipe.base, lambda: None)
        self._build(recipe.base, files, name, {} if recipe.locked is None else {LABEL: recipe.locked.digest})
        return name

    def made_of(self, name: str, base: str, files: Mapping[str, bytes], begun: Callable[[], None]) -> None:
        """Has an image of a name be there that is built from files on a base: `begun` is told of a build. Raises `Trouble`."""
        if self.options.build != "always" and self._labels(name) is not None:
            return
        if self.options.build == "never":
            raise _not_built(name)
        begun()
        self._base(base, lambda: None)
        self._build(base, files, name, {})

    def _is_there(self, name: str, recipe: Recipe, begun: Callable[[], None]) -> bool:
        """Whether the image is there, and stands on what the name of its base means by now."""
        labels = self._labels(name)
        if labels is None or not recipe.is_given or "@" in recipe.base or BASE not in labels:
            return labels is not None
        self._base(recipe.base, begun)
        return self._id(recipe.base) == labels[BASE]

    def _labels(self, image: str) -> Mapping[str, str] | None:
        """None where there is no such image."""
        try:
            return self.engine.api.inspect_image(image)["Config"]["Labels"] or {}
        except self.engine.errors.ImageNotFound:
            return None

    def _base(self, image: str, begun: Callable[[], None]) -> None:
        """Has an image be here that others are made of, which is pulled as the policy says."""
        found = self._id(image)
        if found is None or self.options.pull == "always":
            if self.options.pull == "never":
                raise Trouble(
                    "docker_pull",
                    f'there is no image "{image}" here, and [docker] says pull = "never"',
                    f"`docker pull {image}` gets it",
                )
            begun()
            self._pull(image)

    def _id(self, image: str) -> str | None:
        try:
            return str(self.engine.api.inspect_image(image)["Id"])
        except self.engine.errors.ImageNotFound:
            return None

    def _pull(self, image: str) -> None:
        has_tag = "@" in image or ":" in image.rpartition("/")[2]
        try:
            for told in self.engine.api.pull(image, tag=None if has_tag else "latest", stream=True, decode=True):
                if "error" in told:
                    raise of_pull(image, str(told["error"]))
        except self.engine.errors.APIError as error:
            raise of_pull(image, str(error.explanation or error)) from error

    def _build(self, base: str, files: Mapping[str, str | bytes], name: str, labels: Mapping[str, str]) -> None:
        told: list[str] = []
        step = ""
        try:
            for one in self.engine.api.build(
                fileobj=io.BytesIO(packed(files)),
                custom_context=True,
                tag=name,
                rm=True,
                forcerm=True,
                nocache=self.options.build == "always",
                buildargs=self._arguments(files),
                labels={**labels, BASE: self._id(base) or "", "trc.image": "1"},
                decode=True,
            ):
                line = str(one.get("stream") or one.get("error") or "")
                if line.startswith("Step "):
                    step, told = line, []
                told.append(line)
                if "error" in one:
                    raise of_build(base, step, "".join(told))
        except self.engine.errors.APIError as error:
            raise of_build(base, step, str(error.explanation or error)) from error
        except OSError as error:
            raise no_engine(self.engine.address, error) from error

    def _arguments(self, files: Mapping[str, str | bytes]) -> dict[str, str]:
        """Where packages come from, as pip is told or else uv. Of no use to what installs none."""
        if len(files) == 1:
            return {}
        environ = self.engine.environ
        found = {name: environ[name] for name in INDEX_ARGUMENTS if environ.get(name)}
        of_uv = next((environ[name] for name in _INDEX_OF_UV if environ.get(name)), None)
        return found if of_uv is None else {"PIP_INDEX_URL": of_uv, **found}


def name_of(files: Mapping[str, str]) -> str:
    """What an image is called: equal for what is made of the same files, wherever that is."""
    return f"{REPOSITORY}:{digest_of(files)[:24]}"


def digest_of(files: Mapping[str, str] | Mapping[str, bytes]) -> str:
    """Of what an image is made of."""
    return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """A build's context as the engine takes it: the same bytes for the same files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in _encoded(files):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _encoded(files: Mapping[str, str | bytes]) -> Iterator[tuple[str, bytes]]:
    for path, content in sorted(files.items()):
        yield path, content.encode() if isinstance(content, str) else content


def _not_built(name: str) -> Trouble:
    return Trouble(
        "docker_build",
        f'there is no image "{name}", and [docker] says build = "never"',
        "let it be built once, with `trc build` or a run, or take it to this engine with `docker save` and `docker load`",
    )
