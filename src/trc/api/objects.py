"""What a pipeline needs whose data lies in an object store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trc.api.extras import require_extra
from trc.runtime.clock import SystemClock
from trc.runtime.errors import stopped
from trc.runtime.executor import Executor
from trc.runtime.storage.base import Storage
from trc.runtime.storage.errors import ObjectError
from trc.runtime.storage.routed import RoutedStorage
from trc.runtime.storage.s3 import S3Storage
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.transferring import Transferring


def with_objects(
    files: Storage, state: Path, executor: Callable[[], Executor]
) -> tuple[Storage, Callable[[], Executor]]:
    """Storage that knows objects as well as files, and an executor whose attempts are given copies of them."""
    require_extra("s3", "boto3", "data on S3")
    try:
        client = S3Client.configured()
    except ObjectError as error:
        raise stopped("TRC672", str(error), "look at the AWS configuration of this user") from error
    objects = S3Storage(client, state)
    return RoutedStorage(files, objects), lambda: Transferring(executor(), objects, SystemClock())
