"""The compile side of `git_clone_to_s3`: the commit that a reference points to is an input, and a prefix takes its files."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from trc.compiler.ir.dataset import Output, UriRead
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.ir.values import Duration, Size
from trc.compiler.tasktype import Declaration, Scope, TaskParams
from trc.runtime.taskside.gitrefs import location_of
from trc.stdlib_tasks.locations import Location, Patterns, S3Prefix, check_web_url

LOG: Final = "log"
_SSH: Final = re.compile(r"(?:ssh|git|git\+ssh)://|[^/:]+@[^/:]+:")
_REF: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@#%=-]*")
_NEVER: Final = ("..", "//", "@{", "/.", ".lock/")
Credential = str | dict[Literal["secret"], str]


def _check_repository(value: str) -> str:
    if _SSH.match(value):
        raise ValueError(f'"{value}" would be reached with the keys of this user; write its address, https://host/path')
    check_web_url(value)
    if re.search(r"[?#*\[\]\\]", value):
        raise ValueError(f'"{value}" is no address of a repository; write it like https://host/path.git')
    return value.rstrip("/")


def _check_ref(value: str) -> str:
    is_odd = value.endswith(("/", ".", ".lock")) or any(one in value for one in _NEVER)
    if not _REF.fullmatch(value) or is_odd:
        raise ValueError(f'"{value}" is no name of a branch or a tag, and no commit of 40 hexadecimal digits')
    return value.lower() if re.fullmatch(r"[0-9A-Fa-f]{40}", value) else value


class GitCloneToS3Params(TaskParams):
    """Parameters of a clone."""

    url: Annotated[str, AfterValidator(_check_repository)] = Field(
        description="the address of the repository", examples=["https://github.com/duckdb/duckdb-data.git"]
    )
    destination: S3Prefix = Field(
        description="the prefix that takes its files: s3://bucket/prefix/", examples=["s3://lake/repository/"]
    )
    ref: Annotated[str, AfterValidator(_check_ref)] = Field(
        default="HEAD", description="a branch, a tag or a commit; left out, what the server says is current"
    )
    include: Patterns = Field(
        default_factory=list[str],
        description="patterns of paths in the repository: only those files are taken",
        examples=[["data/**/*.csv"]],
    )
    exclude: Patterns = Field(default_factory=list[str], description="patterns of paths whose files are not taken")
    submodules: bool = Field(default=False, description="whether the files of its submodules are taken, too")
    depth: int = Field(default=1, ge=1, le=1_000_000, description="how many commits of its history are fetched")
    log_uri: Location | None = Field(
        default=None, description="where those commits are listed, as CSV", examples=["out/commits.csv"]
    )
    credentials: dict[str, Credential] = Field(
        default_factory=dict[str, Credential],
        description='username and password, or token, of the server: password as {secret: "env:NAME"}',
        json_schema_extra={"secrets": True},
    )
    output_uri: Location | None = Field(
        default=None, description="where the files are listed, as CSV; left out, only this pipeline reads the list"
    )
    output_format: Literal["csv", "file"] | None = Field(
        default=None, description="the format of that; csv if nothing is said"
    )
    max_size: Size = Field(
        default=Size(16 * 1024**3), description="how much may be fetched, and how much written, such as 2Gi"
    )
    max_files: int = Field(default=100_000, ge=1, description="how many files may be taken")
    idle_timeout: Duration = Field(
        default=Duration(60_000), description="how long the server may be silent, such as 30s"
    )

    @field_validator("credentials")
    @classmethod
    def _no_open_password(cls, value: dict[str, Credential]) -> dict[str, Credential]:
        wrong = next((name for name in value if name not in ("username", "password")), None)
        if wrong is not None:
            raise ValueError(f'"{wrong}" is nothing that credentials have; they have username and password')
        if isinstance(value.get("password"), str):
            raise ValueError('a password is a secret: write {secret: "env:NAME"}, for plans and logs would show it')
        if not isinstance(value.get("username", ""), str):
            raise ValueError("the name of a user is no secret: write it as it is")
        if value and "password" not in value:
            raise ValueError("a name without a password opens nothing; add the password, or leave both out")
        return value

    @field_validator("idle_timeout")
    @classmethod
    def _some_time(cls, value: Duration) -> Duration:
        if value.milliseconds == 0:
            raise ValueError("a server that may not be silent at all never answers; write it like 30s")
        return value

    @model_validator(mode="after")
    def _history_is_listed(self) -> Self:
        if self.depth > 1 and self.log_uri is None:
            raise ValueError(
                "nobody would see those commits: say with log_uri where they are listed, or leave depth out"
            )
        return self


class GitCloneToS3:
    """A clone. The server is asked for the commit when a run is planned, so that an unchanged one is skipped."""

    name = "git_clone_to_s3"
    version = 1
    summary = "Makes a prefix on S3 hold the files of a commit of a Git repository."
    params = GitCloneToS3Params
    runs: str | None = "trc.stdlib_tasks.git_clone_to_s3.run:run"
    requires: tuple[str, ...] = ()

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """The reference that is read, the prefix that is filled, and the lists of files and of commits."""
        assert isinstance(params, GitCloneToS3Params)
        outputs = [Output(name=OUTPUT_NAME, uri=params.output_uri, format=params.output_format or "csv")]
        if params.log_uri is not None:
            outputs.append(Output(name=LOG, uri=params.log_uri, format="csv"))
        return Declaration(
            reads=(UriRead(name="source", uri=location_of(params.url, params.ref), format="file"),),
            outputs=tuple(outputs),
            fills=(params.destination.rstrip("/") + "/",),
            visibility="complete",
            effect="none",
            idempotent=True,
        )
