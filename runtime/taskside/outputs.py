"""What an attempt left in its staging files: that it is there, how large it is, and its digest."""

from __future__ import annotations

import errno
import os
import stat

from trc.runtime.taskside.digest import digest_of_open
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import OrderOutput
from trc.runtime.taskside.result import Failure, WrittenOutput
from trc.runtime.taskside.task import TaskResult


def measure(output: OrderOutput, told: TaskResult) -> WrittenOutput:
    """The staged file's size and digest, with what its task told of it; raises AttemptFailed where there is no such file."""
    try:
        descriptor = os.open(output.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise AttemptFailed(_missing(output, _why(error))) from error
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise AttemptFailed(_missing(output, "what is there is no plain file"))
        size, digest = digest_of_open(descriptor, facts.st_size)
    finally:
        os.close(descriptor)
    name = output.name
    return WrittenOutput(name, output.path, size, digest, told.rows.get(name), told.tuples.get(name))


def _why(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "nothing was written there"
    if error.errno == errno.ELOOP:
        return "what is there is a link"
    return error.strerror or str(error)


def _missing(output: OrderOutput, why: str) -> Failure:
    message = f'the output "{output.name}" was not written to "{output.path}", the path that the task was given: {why}'
    return Failure(message, "permanent", "output_missing")
