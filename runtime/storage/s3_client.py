"""Single requests to S3, each answered in values of ours; which endpoint and whose credentials, AWS's own configuration says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Self

from trc.runtime.storage.errors import ObjectError
from trc.runtime.storage.s3_errors import code_of, no_bucket, told
from trc.runtime.storage.s3_writing import AS_THE_BUCKET_SAYS, S3Writing
from trc.runtime.store.results import ObjectIdentity

CONNECTIONS: Final = 16


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that was begun: nobody sees anything of it until it is completed."""

    uri: str
    id: str


class S3Client:
    """Requests by many threads; how often and how patiently each is tried again, the AWS configuration says, too."""

    def __init__(self, client: Any, writing: S3Writing = AS_THE_BUCKET_SAYS) -> None:
        self._client = client
        self._writing = writing
        self._buckets: set[str] = set()

    @classmethod
    def configured(cls, writing: S3Writing = AS_THE_BUCKET_SAYS) -> Self:
        """As the AWS command line is: by variables, profile, role, `endpoint_url`, addressing style, retries."""
        with _errors_of("s3://"):
            boto3, config = import_module("boto3"), import_module("botocore.config")
            session: Any = boto3.session.Session()
            # S3 lies in every region; where none is configured, the answer tells the bucket's own.
            region = session.region_name or "us-east-1"
            settings = config.Config(max_pool_connections=CONNECTIONS)
            return cls(session.client("s3", region_name=region, config=settings), writing)

    def head(self, uri: str) -> ObjectIdentity | None:
        """What is said of an object; None where there is none."""
        bucket, key = split(uri)
        with _errors_of(uri):
            errors = self._client.exceptions
            try:
                answer = self._client.head_object(Bucket=bucket, Key=key)
            except errors.ClientError as error:
                # An answer to HEAD has no body, and so no word on what was wrong.
                code = code_of(error)
                if code == "404":
                    self._require_bucket(bucket, uri)
                    return None
                if code in ("400", "403"):
                    self._client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
                raise
        return ObjectIdentity(answer["ETag"].strip('"'), answer["ContentLength"])

    def _require_bucket(self, bucket: str, uri: str) -> None:
        if bucket in self._buckets:
            return
        try:
            self._client.head_bucket(Bucket=bucket)
        except self._client.exceptions.ClientError as error:
            if code_of(error) == "404":
                raise no_bucket(uri) from None
            # Who may not ask for the bucket may have been allowed to ask for the object.
        self._buckets.add(bucket)

    def list(self, uri: str, *, is_deep: bool) -> Iterator[tuple[str, ObjectIdentity]]:
        """The objects whose names begin with `uri`; those beyond its next slash as well if `is_deep`."""
        bucket, prefix = split(uri)
        more: dict[str, str] = {} if is_deep else {"Delimiter": "/"}
        with _errors_of(uri):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **more):
                for one in page.get("Contents", ()):
                    yield f"s3://{bucket}/{one['Key']}", ObjectIdentity(one["ETag"].strip('"'), one["Size"])

    def read(self, uri: str, etag: str, start: int, size: int) -> Iterator[bytes]:
        """`size` bytes of the object from `start`, if it still has that ETag."""
        bucket, key = split(uri)
        with _errors_of(uri):
            asked = {"Bucket": bucket, "Key": key, "IfMatch": f'"{etag}"'}
            answer = self._client.get_object(**asked, Range=f"bytes={start}-{start + size - 1}")
            yield from answer["Body"].iter_chunks(1 << 20)

    def put(self, uri: str, body: bytes) -> ObjectIdentity:
        bucket, key = split(uri)
        with _errors_of(uri):
            answer = self._client.put_object(Bucket=bucket, Key=key, Body=body, **self._writing.whole)
        return ObjectIdentity(answer["ETag"].strip('"'), len(body))

    def begin(self, uri: str) -> Upload:
        bucket, key = split(uri)
        with _errors_of(uri):
            begun = self._client.create_multipart_upload(Bucket=bucket, Key=key, **self._writing.whole)
        return Upload(uri, begun["UploadId"])

    def put_part(self, upload: Upload, number: int, body: bytes) -> dict[str, Any]:
        """Sends one part; answers what `complete` has to be told of it."""
        bucket, key = split(upload.uri)
        with _errors_of(upload.uri):
            answer = self._client.upload_part(Bucket=bucket, Key=key, UploadId=upload.id, PartNumber=number, Body=body)
        sums = {name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"}
        return {"PartNumber": number, "ETag": answer["ETag"], **sums}

    def complete(self, upload: Upload, parts: Sequence[dict[str, Any]], size: int) -> ObjectIdentity:
        """Puts the object in its place, in one step."""
        bucket, key = split(upload.uri)
        with _errors_of(upload.uri):
            answer = self._client.complete_multipart_upload(
                Bucket=bucket, Key=key, UploadId=upload.id, MultipartUpload={"Parts": list(parts)}
            )
        return ObjectIdentity(answer["ETag"].strip('"'), size)

    def abort(self, upload: Upload) -> None:
        bucket, key = split(upload.uri)
        with _errors_of(upload.uri):
            try:
                self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload.id)
            except self._client.exceptions.NoSuchUpload:
                return

    def copy(self, source: str, target: str) -> None:
        """Copies on the server."""
        (bucket, key), (to, name) = split(source), split(target)
        with _errors_of(source):
            self._client.copy({"Bucket": bucket, "Key": key}, to, name, ExtraArgs=self._writing.encrypted)

    def delete(self, uri: str) -> None:
        bucket, key = split(uri)
        with _errors_of(uri):
            self._client.delete_object(Bucket=bucket, Key=key)


@contextmanager
def _errors_of(uri: str) -> Iterator[None]:
    try:
        yield
    except ObjectError:
        raise
    except Exception as error:
        said = told(error, uri)
        if said is None:
            raise
        raise said from error
