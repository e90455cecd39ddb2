"""Single requests to S3, each answered in values of ours; which endpoint and whose credentials, AWS's own configuration says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, Self

from trc.runtime.storage.errors import ObjectError
from trc.runtime.storage.s3_errors import code_of, no_bucket, told
from trc.runtime.storage.s3_writing import AS_THE_BUCKET_SAYS, S3Writing
from trc.runtime.store.results import ObjectIdentity
from trc.runtime.taskside.records import record

CONNECTIONS: Final = 16
_NOT_SO: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_NOT_THERE: Final = frozenset({"NoSuchKey", "404"})


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


@record(frozen=True, slots=True)
class Upload:
    """A multipart upload that was begun: nobody sees anything of it until it is completed."""

    uri: str
    id: str


@record(frozen=True, slots=True)
class Held:
    """A small object as it was read."""

    body: bytes
    etag: str


class S3Client:
    """Requests by many threads; how often and how patiently each is tried again, the AWS configuration says, too."""

    def __init__(self, client: Any, writing: S3Writing = AS_THE_BUCKET_SAYS) -> None:
        self._client = client
        self._writing = writing
        self._buckets: set[str] = set()

    @classmethod
    def configured(cls, writing: S3Writing = AS_THE_BUCKET_SAYS, **bounds: float) -> Self:
        """As the AWS command line is: by variables, profile, role, `endpoint_url`, addressing style, retries.

        `bounds` are `connect_timeout` and `read_timeout` in seconds, where others than the usual ones are wanted.
        """
        with _errors_of("s3://"):
            boto3, config = import_module("boto3"), import_module("botocore.config")
            session: Any = boto3.session.Session()
            # S3 lies in every region; where none is configured, the answer tells the bucket's own.
            region = session.region_name or "us-east-1"
            settings = config.Config(max_pool_connections=CONNECTIONS, **bounds)
            return cls(session.client("s3", region_name=region, config=settings), writing)

    @property
    def endpoint(self) -> str:
        return str(self._client.meta.endpoint_url)

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
        for one, identity, _ in self.list_dated(uri, is_deep=is_deep):
            yield one, identity

    def list_dated(self, uri: str, *, is_deep: bool = True) -> Iterator[tuple[str, ObjectIdentity, float]]:
        """As `list`, with when each was last modified, in seconds since the epoch."""
        bucket, prefix = split(uri)
        more: dict[str, str] = {} if is_deep else {"Delimiter": "/"}
        with _errors_of(uri):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **more):
                for one in page.get("Contents", ()):
                    identity = ObjectIdentity(one["ETag"].strip('"'), one["Size"])
                    yield f"s3://{bucket}/{one['Key']}", identity, one["LastModified"].timestamp()

    def read(self, uri: str, etag: str, start: int, size: int) -> Iterator[bytes]:
        """`size` bytes of the object from `start`, if it still has that ETag."""
        bucket, key = split(uri)
        with _errors_of(uri):
            asked = {"Bucket": bucket, "Key": key, "IfMatch": f'"{etag}"'}
            answer = self._client.get_object(**asked, Range=f"bytes={start}-{start + size - 1}")
            yield from answer["Body"].iter_chunks(1 << 20)

    def put(self, uri: str, body: bytes, kind: str = "") -> ObjectIdentity:
        """Writes a small object; `kind` is its content type."""
        bucket, key = split(uri)
        with _errors_of(uri):
            answer = self._client.put_object(Bucket=bucket, Key=key, Body=body, **self._writing.whole, **_typed(kind))
        return ObjectIdentity(answer["ETag"].strip('"'), len(body))

    def put_if(self, uri: str, body: bytes, etag: str | None) -> str | None:
        """Writes a small object where there is none, or in the place of the one with that ETag; answers its own.

        None where S3 says that it is not so, or that another write was under way.
        """
        bucket, key = split(uri)
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": f'"{etag}"'}
        with _errors_of(uri):
            try:
                answer = self._client.put_object(Bucket=bucket, Key=key, Body=body, **condition, **self._writing.whole)
            except self._client.exceptions.ClientError as error:
                if code_of(error) in (_NOT_SO if etag is None else _NOT_SO | _NOT_THERE):
                    return None
                raise
        return str(answer["ETag"].strip('"'))

    def whole(self, uri: str) -> Held | None:
        """A small object as it is now; None where there is none."""
        bucket, key = split(uri)
        with _errors_of(uri):
            try:
                answer = self._client.get_object(Bucket=bucket, Key=key)
            except self._client.exceptions.ClientError as error:
                if code_of(error) in _NOT_THERE:
                    return None
                raise
            return Held(answer["Body"].read(), answer["ETag"].strip('"'))

    def begin(self, uri: str, kind: str = "") -> Upload:
        bucket, key = split(uri)
        with _errors_of(uri):
            answer = self._client.create_multipart_upload(Bucket=bucket, Key=key, **self._writing.whole, **_typed(kind))
        return Upload(uri, answer["UploadId"])

    def parts(self, upload: Upload) -> dict[int, dict[str, Any]] | None:
        """What `complete` has to be told of the parts that have been sent, by number; None where the upload is no more."""
        bucket, key = split(upload.uri)
        found: dict[int, dict[str, Any]] = {}
        with _errors_of(upload.uri):
            try:
                pages = self._client.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload.id)
                for page in pages:
                    found.update((one["PartNumber"], _part(one["PartNumber"], one)) for one in page.get("Parts", ()))
            except self._client.exceptions.NoSuchUpload:
                return None
            except self._client.exceptions.ClientError as error:
                if code_of(error) not in ("NoSuchUpload", "404"):
                    raise
                return None
        return found

    def put_part(self, upload: Upload, number: int, body: bytes) -> dict[str, Any]:
        """Sends one part; answers what `complete` has to be told of it."""
        bucket, key = split(upload.uri)
        with _errors_of(upload.uri):
            answer = self._client.upload_part(Bucket=bucket, Key=key, UploadId=upload.id, PartNumber=number, Body=body)
        return _part(number, answer)

    def copy_part(self, upload: Upload, number: int, source: tuple[str, str], span: tuple[int, int]) -> dict[str, Any]:
        """Has the server put bytes `[start, end)` of an object, pinned by its ETag, into a part."""
        (bucket, key), (origin, name) = split(upload.uri), split(source[0])
        with _errors_of(source[0]):
            answer = self._client.upload_part_copy(
                Bucket=bucket,
                Key=key,
                UploadId=upload.id,
                PartNumber=number,
                CopySource={"Bucket": origin, "Key": name},
                CopySourceIfMatch=f'"{source[1]}"',
                CopySourceRange=f"bytes={span[0]}-{span[1] - 1}",
            )
        return _part(number, answer["CopyPartResult"])

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

    def copy_pinned(self, source: str, etag: str, target: str) -> None:
        """Copies an object of at most 5 GiB on the server, in one step, if it still has that ETag."""
        (bucket, key), (to, name) = split(source), split(target)
        with _errors_of(source):
            self._client.copy_object(
                Bucket=to,
                Key=name,
                CopySource={"Bucket": bucket, "Key": key},
                CopySourceIfMatch=f'"{etag}"',
                **self._writing.encrypted,
            )

    def delete_all(self, uris: Sequence[str]) -> None:
        """Removes objects of one bucket, at most a thousand."""
        bucket, _ = split(uris[0])
        with _errors_of(uris[0]):
            asked = {"Objects": [{"Key": split(one)[1]} for one in uris], "Quiet": True}
            answer = self._client.delete_objects(Bucket=bucket, Delete=asked)
            for error in answer.get("Errors", ()):
                # Each of them is answered by itself, as if it were the answer to a request.
                told = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": _STATUSES.get(error["Code"], 400)}}
                raise import_module("botocore.exceptions").ClientError(told, "DeleteObjects")

    def delete(self, uri: str) -> None:
        bucket, key = split(uri)
        with _errors_of(uri):
            self._client.delete_object(Bucket=bucket, Key=key)


_STATUSES: Final = {"AccessDenied": 403, "InternalError": 500, "ServiceUnavailable": 503, "SlowDown": 503}


def _typed(kind: str) -> dict[str, str]:
    return {"ContentType": kind} if kind else {}


def _part(number: int, told: Mapping[str, Any]) -> dict[str, Any]:
    """What `complete` has to be told of a part."""
    sums = {name: value for name, value in told.items() if name.startswith("Checksum") and name != "ChecksumType"}
    return {"PartNumber": number, "ETag": told["ETag"], **sums}


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
