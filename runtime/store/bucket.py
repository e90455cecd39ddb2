"""Where a state store on S3 is: a bucket, and what the names of all its objects begin with."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from trc.runtime.store.address import WrongAddress
from trc.runtime.taskside.records import record

SCHEME: Final = "s3"
BUCKET_EXAMPLE: Final = "s3://bucket/trc/shop"

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_FOLDER: Final = re.compile(r"[A-Za-z0-9!_.()=-]+")


@record(frozen=True, slots=True)
class BucketAddress:
    """A bucket and the folders in it, such as `trc/shop`, that the objects of the store lie below."""

    bucket: str
    folders: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.folders}"

    @property
    def short(self) -> str:
        """A name for a folder of this machine, which no other store has."""
        return sha256(str(self).encode()).hexdigest()[:16]


def is_bucket_address(text: str) -> bool:
    """Whether a text is meant as the address of a store on S3."""
    return text.partition("://")[0].lower() == SCHEME and "://" in text


def bucket_address_of(text: str) -> BucketAddress:
    """The address that a text is; raises WrongAddress."""
    bucket, _, rest = text.partition("://")[2].partition("/")
    folders = rest.strip("/")
    if not _BUCKET.fullmatch(bucket):
        raise WrongAddress("this names no bucket of S3", f"write {BUCKET_EXAMPLE}")
    if not folders:
        raise WrongAddress(
            "a state store on S3 has folders of its own, for other objects may lie in the bucket",
            f"name them: s3://{bucket}/trc/shop",
        )
    for one in folders.split("/"):
        if not _FOLDER.fullmatch(one) or one in (".", ".."):
            raise WrongAddress(
                f'"{one}" is no name for a folder of a state store', "use letters, digits and - _ . = ! ( )"
            )
    return BucketAddress(bucket, folders)
