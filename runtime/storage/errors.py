"""What storage cannot do, in words for the user."""

from __future__ import annotations

import errno
from typing import Final


class StorageError(OSError):
    """Its text is one plain line that names the file."""


class UnreadableFile(StorageError):  # noqa: N818 - named for what was met
    """A file or folder is there, but its content cannot be had."""


class MovingFile(StorageError):  # noqa: N818 - named for what was met
    """A file kept changing while it was read: trying again later can help."""


class ObjectError(StorageError):
    """What an object store answers instead: `kind` is that of a failure, and so is `reason`."""

    def __init__(self, message: str, kind: str, reason: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason


class PublishError(StorageError):
    """A staged file cannot be put in its place."""


def told_as(error: OSError, reason: str, kind: str = "unknown") -> tuple[str, str]:
    """Kind and reason of the failure that follows: those that an object store has told, else these."""
    return (error.kind, error.reason) if isinstance(error, ObjectError) else (kind, reason)


def unreadable(error: OSError, path: str) -> UnreadableFile:
    return UnreadableFile(f'"{path}" cannot be read: {reason(error)}')


def unpublishable(error: OSError, path: str) -> PublishError:
    return PublishError(f'"{path}" cannot be written: {reason(error)}')


def reason(error: OSError) -> str:
    """What the system's error means, in lower case."""
    return _REASONS.get(error.errno or 0) or (error.strerror or str(error)).lower()


_REASONS: Final = {
    errno.EACCES: "this user has no permission",
    errno.EPERM: "this user has no permission",
    errno.EROFS: "the file system is read-only",
    errno.EISDIR: "a folder of that name is there",
    errno.ENOTEMPTY: "a folder of that name is there",
    errno.EEXIST: "a file stands where a folder is needed",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "its symbolic links lead in a circle",
    errno.EIO: "the disk reports an error",
}
