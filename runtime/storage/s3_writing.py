"""How objects are written: encrypted by the server, and with which tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from trc.runtime.taskside.records import record

ENCRYPTIONS: Final = ("AES256", "aws:kms", "aws:kms:dsse")
MOST_TAGS: Final = 10
"""Tags that an object of S3 may have."""
TAG: Final = re.compile(r"[\w +\-=.:/@]*")
"""What names and values of tags are made of."""
LONGEST_TAG: Final = (128, 256)
"""Characters of a tag's name, and of its value."""


@record(frozen=True, slots=True)
class S3Writing:
    """What is passed on with each object that is written; nothing leaves it to the bucket."""

    encryption: str | None = None
    """One of ENCRYPTIONS."""
    kms_key: str | None = None
    """The key's ARN, id or alias; the account's own for S3 where it is left out."""
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def encrypted(self) -> dict[str, str]:
        """For a request that makes an object, or copies one: a copy keeps its tags, and not how it was encrypted."""
        made = {}
        if self.encryption is not None:
            made["ServerSideEncryption"] = self.encryption
        if self.kms_key is not None:
            made["SSEKMSKeyId"] = self.kms_key
        return made

    @property
    def whole(self) -> dict[str, str]:
        """For a request that makes an object."""
        return {**self.encrypted, **({"Tagging": urlencode(self.tags)} if self.tags else {})}


AS_THE_BUCKET_SAYS: Final = S3Writing()
