"""Puts the digests of the images that authors name into the keys of their tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from trc.backends.base import Backend
from trc.runtime.spec import KeyPart, PipelineSpec, TaskSpec

_FIELD: Final = "environment.image"


def with_digests(spec: PipelineSpec, backend: Backend, options: Mapping[str, Any] | None) -> PipelineSpec:
    """The pipeline with keys that tell its images apart, whatever their tags mean by now.

    A task whose image nobody can tell always runs: there is no key that stands for it.
    """
    images = {task.image for task in spec.tasks if task.image}
    if not images:
        return spec
    found = backend.image_digests(sorted(images), options)
    return replace(spec, tasks=tuple(_resolved(task, found.get(task.image)) for task in spec.tasks))


def _resolved(task: TaskSpec, digest: str | None) -> TaskSpec:
    if not task.image:
        return task
    if digest is None:
        why = f'nobody can tell now which image "{task.image}" is'
        return replace(task, skip=replace(task.skip, can_skip=False, why_not=why)) if task.skip.can_skip else task
    parts = (KeyPart(one.field, one.group, digest) if one.field == _FIELD else one for one in task.key_parts)
    return replace(task, key_parts=tuple(parts))
