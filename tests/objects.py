"""A real S3 endpoint on loopback: it keeps objects, tells what it was asked, and fails where it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

Fault = Callable[[str, str], tuple[int, str] | None]
"""By method and path of a request, the status and the S3 code that it is answered with; None: it is served."""


@dataclass
class ObjectServer:
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each request since the test began."""
    fault: Fault | None = None
    cut: list[int] = field(default_factory=list)
    """For the next answers to GET, after how many bytes each ends."""
    before: Callable[[str, str], None] | None = None
    """Called ahead of each request."""
    ignores: frozenset[str] = frozenset()
    """The conditions of writes that are not looked at, as by an endpoint that does not know them: `If-Match`, `If-None-Match`."""
    one_by_one: threading.Lock = field(default_factory=threading.Lock)
    """Held while a write on a condition is looked at and carried out, as S3 does it."""
    client: Any = None

    @property
    def variables(self) -> Mapping[str, str]:
        return {**VARIABLES, "AWS_ENDPOINT_URL": self.url}

    def begin_anew(self) -> None:
        self.fault = self.before = None
        self.ignores = frozenset()
        self.cut.clear()
        for bucket in self.client.list_buckets()["Buckets"]:
            name = bucket["Name"]
            while keys := self.all_keys(name):
                self.client.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in keys]})
            self.client.delete_bucket(Bucket=name)
        self.client.create_bucket(Bucket="lake")
        self.asked.clear()

    def put(self, key: str, body: str | bytes) -> None:
        self.client.put_object(Bucket="lake", Key=key, Body=body)

    def read(self, key: str) -> bytes:
        body: bytes = self.client.get_object(Bucket="lake", Key=key)["Body"].read()
        return body

    def all_keys(self, bucket: str = "lake") -> list[str]:
        """The keys, those of what is staged too; of very many, the first thousand."""
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=bucket).get("Contents", ())]

    def uploads(self) -> list[str]:
        """The keys of uploads that were begun and neither completed nor ended."""
        return [one["Key"] for one in self.client.list_multipart_uploads(Bucket="lake").get("Uploads", ())]

    def gets(self) -> list[str]:
        """The objects that were read since."""
        return [path for method, path in self.asked if method == "GET" and path.count("/") > 1]

    # As a WSGI application around the real one.

    def serve(self, app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.asked.append((method, path))
        if self.before is not None:
            self.before(method, path)
        answer = self.fault(method, path) if self.fault is not None else None
        if answer is not None:
            body = b"" if method == "HEAD" else f"<Error><Code>{answer[1]}</Code></Error>".encode()
            start_response(f"{answer[0]} Fault", [("Content-Length", str(len(body)))])
            return [body]
        if method == "GET" and path.count("/") > 1 and self.cut:
            return [b"".join(app(environ, start_response))[: self.cut.pop(0)]]
        for name in self.ignores:
            environ.pop(_VARIABLE[name], None)
        if method == "PUT" and any(name in environ for name in _VARIABLE.values()):
            with self.one_by_one:
                return list(app(environ, start_response))
        return app(environ, start_response)


_VARIABLE = {"If-Match": "HTTP_IF_MATCH", "If-None-Match": "HTTP_IF_NONE_MATCH"}


@contextmanager
def running_objects() -> Iterator[ObjectServer]:
    serving: Any = import_module("werkzeug.serving")
    moto: Any = import_module("moto.server")
    app = moto.DomainDispatcherApplication(moto.create_backend_app)
    found = ObjectServer()

    class Quiet(serving.WSGIRequestHandler):  # type: ignore[misc, name-defined, unused-ignore]
        def log(self, *_arguments: Any) -> None:
            """Nobody reads it."""

    def serve(environ: dict[str, Any], start_response: Any) -> Any:
        return found.serve(app, environ, start_response)

    server = serving.make_server("127.0.0.1", 0, serve, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    boto3: Any = import_module("boto3")
    found.client = boto3.client(
        "s3",
        endpoint_url=found.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield found
    server.shutdown()
    thread.join()
    server.server_close()
