"""Secrets in files: `file:path`, relative to the project; one line break at the end does not count."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from trc.runtime.secrets.base import LONGEST, Fetched, Unavailable


class Files:
    """Implements `Provider` over the file system."""

    def __init__(self, project: Path) -> None:
        self._project = project

    def version(self, reference: str) -> None:
        """Nobody numbers what a file holds."""

    def fetch(self, reference: str, version: str | None) -> Fetched:
        del version
        called = f'the secret "file:{reference}"'
        path = self._project / reference
        try:
            if not Path(reference).is_absolute() and not path.resolve().is_relative_to(self._project.resolve()):
                raise Unavailable(
                    f"{called} is a link that leads out of the project",
                    "secret_missing",
                    "write the absolute path of the file",
                )
            data = _content(path)
        except FileNotFoundError:
            raise Unavailable(f"{called} is not there", "secret_missing", f'no file is at "{path}"') from None
        except PermissionError:
            raise Unavailable(f"{called} cannot be read: this user has no permission", "secret_missing") from None
        except (IsADirectoryError, NotADirectoryError):
            raise Unavailable(f"{called} is no plain file", "secret_missing") from None
        except OSError as error:
            raise Unavailable(f"{called} cannot be read: {error.strerror}", "secret_unreachable") from None
        if data is None:
            raise Unavailable(f"{called} is no plain file", "secret_missing")
        if len(data) > LONGEST:
            raise Unavailable(f"{called} has more than {LONGEST:,} bytes", "secret_unusable")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise Unavailable(f"{called} is no text in UTF-8", "secret_unusable") from None
        return Fetched(text.removesuffix("\n").removesuffix("\r"))


def _content(path: Path) -> bytes | None:
    """What a plain file holds, or a byte more than a secret may have; None where it is none."""
    # A pipe would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - it is open already
        return file.read(LONGEST + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
