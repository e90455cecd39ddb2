"""What a pipeline needs whose data lies elsewhere than on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trc.addresses import Allowed
from trc.api.extras import require_extra
from trc.runtime.clock import SystemClock
from trc.runtime.errors import stopped
from trc.runtime.executor import Executor
from trc.runtime.spec import PipelineSpec, clones, copied_from_web, downloads, remote_schemes
from trc.runtime.storage.base import Storage
from trc.runtime.storage.copies import copies_in
from trc.runtime.storage.errors import ObjectError
from trc.runtime.storage.git import GitStorage, Values
from trc.runtime.storage.routed import RoutedStorage
from trc.runtime.storage.s3 import S3Storage
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.storage.s3_writing import S3Writing
from trc.runtime.storage.web import WebStorage
from trc.runtime.storage.web_copies import WebCopies
from trc.runtime.taskside.web import Web
from trc.runtime.transferring import Transferring


def with_objects(  # noqa: PLR0917 - what a run is made with
    spec: PipelineSpec,
    files: Storage,
    state: Path,
    executor: Callable[[], Executor],
    network: Allowed,
    writing: S3Writing,
    secrets: Values | None = None,
) -> tuple[Storage, Callable[[], Executor]]:
    """Storage that knows what lies elsewhere as well as files, and an executor whose attempts are given copies of objects.

    `secrets` has the values that are needed to ask which commits there are.
    """
    headers = downloads(spec)
    web = WebStorage(Web(network), headers)
    git = GitStorage(Web(network), clones(spec), secrets)
    objects = _objects(state, writing) if "s3" in remote_schemes(spec) else None
    storage = RoutedStorage(files, objects, web, git)
    if objects is None and not copied_from_web(spec):
        return storage, executor
    copies = WebCopies(Web(network), headers, copies_in(state.absolute()))
    return storage, lambda: Transferring(executor(), objects, copies, SystemClock())


def _objects(state: Path, writing: S3Writing) -> S3Storage:
    require_extra("s3", "boto3", "data on S3")
    try:
        client = S3Client.configured(writing)
    except ObjectError as error:
        raise stopped("TRC672", str(error), "look at the AWS configuration of this user") from error
    return S3Storage(client, state)
