"""The one place that reads the environment and `trc.toml`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from trc.addresses import NOTHING_ALLOWED, Allowed, Network, Refused, host_of, network_of, read_url
from trc.compiler.choices import TARGET_VARIABLE, Choices, UnfitOption, is_choice
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.frontends import toml
from trc.compiler.frontends.files import read
from trc.compiler.frontends.syntax import Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.typed import typed
from trc.compiler.source import SourceFile, Span
from trc.runtime.errors import Stopped, stopped
from trc.runtime.folders import PROJECT_FILE, STATE_FOLDER
from trc.runtime.storage.s3_writing import AS_THE_BUCKET_SAYS, ENCRYPTIONS, LONGEST_TAG, MOST_TAGS, TAG, S3Writing
from trc.runtime.store.address import EXAMPLE, Address, WrongAddress, address_of, is_address
from trc.runtime.store.bucket import BUCKET_EXAMPLE, BucketAddress, bucket_address_of, is_bucket_address
from trc.runtime.surroundings import clean, cores
from trc.telemetry import NO_TELEMETRY, TABLES, Telemetry, telemetry_of

MAX_ASYNC: Final = 500
"""How many asynchronous attempts share a process where `trc.toml` does not say."""
OPTIMISE: Final = True
"""Whether runs are optimised where neither the command line nor the target says."""


@dataclass(frozen=True, slots=True)
class OpenLineage:
    """Where runs tell their OpenLineage events, if they tell any: to a file, or to a URL.

    `endpoint` is the path below the URL, `api_key` a reference to the secret that is sent along. `source_code` has events hold
    the text of queries.
    """

    file: Path | None = None
    url: str | None = None
    endpoint: str = "api/v1/lineage"
    api_key: str | None = None
    namespace: str = "trc"
    source_code: bool = False

    def told_to(self, target: str) -> OpenLineage:
        """The same, told to what the command line names: a URL, or a file."""
        is_url = target.lower().startswith(("http://", "https://"))
        return replace(self, file=None if is_url else Path(target), url=target if is_url else None)


@dataclass(frozen=True, slots=True)
class SharedState:
    """What runs are recorded in: a database, or a bucket of S3; `place` is where the project says so.

    `password` says where the password of a database lies, as a secret is named, None for libpq's own ways.
    """

    address: Address | BucketAddress
    password: str | None = None
    place: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a project is, where its state lies, how many workers the local backend has, and what `trc.toml` says.

    `pipelines` are globs of the project's pipeline files, or None where it does not say; `task_packages`
    are distributions that bring task types, each with its place; `deny_warnings` is for `trc check`.
    """

    project: Path
    workers: int
    file: SourceFile | None = None
    pipelines: tuple[str, ...] | None = None
    task_packages: tuple[tuple[str, Span], ...] = ()
    deny_warnings: bool = False
    state_folder: Path | None = None
    """Where state lies, if that is not in the project."""
    openlineage: OpenLineage = OpenLineage()
    shared: SharedState | None = None
    """Where runs are recorded, if that is not in the project."""
    network: Allowed = NOTHING_ALLOWED
    """What may be called beyond public addresses."""
    s3: S3Writing = AS_THE_BUCKET_SAYS
    """How objects are written."""
    hooks_key: str | None = None
    """The reference to the secret that messages of hooks are signed with."""
    max_async: int = MAX_ASYNC
    """How many asynchronous attempts share a process; 0 has each run in one of its own."""
    start_timeout: int | None = None
    """Seconds within which an attempt has to begin that was handed to the backend, where the project says so."""
    telemetry: Telemetry = NO_TELEMETRY
    """What runs tell of themselves to machines."""
    backends: MappingOf[str, MappingOf[str, Any]] = field(default_factory=dict[str, "MappingOf[str, Any]"])
    """By backend, what its own table says."""
    asked: MappingOf[str, str] = field(default_factory=dict[str, str])
    """What the command line asks of the backend, whichever that turns out to be."""

    def of_backend(self, backend: str) -> MappingOf[str, Any]:
        """What a backend is told: its table, and over that what is `asked`. Raises `UnfitOption`."""
        table = self.backends.get(backend, {})
        return table if not self.asked else {**table, **dict(_asked_of(backend, self.asked))}

    @property
    def state(self) -> Path:
        return self.state_folder or self.project / STATE_FOLDER

    @property
    def database(self) -> Path:
        return self.state / "state.db"

    @property
    def records(self) -> SharedState | Path:
        """Where runs are recorded. A state that is put elsewhere for the time being has a file of its own."""
        return self.database if self.shared is None or self.state_folder is not None else self.shared


def with_environment(choices: Choices) -> Choices:
    """The choices of the command line with those that environment variables make."""
    return replace(choices, environment=tuple(sorted(item for item in os.environ.items() if is_choice(item[0]))))


def settings_for(pipeline: Path, *, workers: int | None = None, target: str | None = None) -> Settings:
    """The settings of a pipeline file's project: the folder of the nearest `trc.toml`, else the file's own.

    The `target` is the one of the command line: without it, the environment may name one.
    """
    folder = pipeline.resolve().parent
    project = next((up for up in (folder, *folder.parents) if (up / PROJECT_FILE).is_file()), folder)
    return _settings(project, workers, target)


def project_files(pipeline: Path) -> tuple[Path, ...]:
    """The places where the project file of a pipeline is looked for, up to the one where it is."""
    places: list[Path] = []
    for up in pipeline.resolve().parents:
        places.append(up / PROJECT_FILE)
        if places[-1].is_file():
            break
    return tuple(places)


def settings_of(folder: Path) -> Settings:
    """The settings of the project that a folder lies in, found by its `trc.toml` or its state."""
    folder = folder.resolve()
    for up in (folder, *folder.parents):
        if (up / PROJECT_FILE).is_file() or (up / STATE_FOLDER).is_dir():
            return _settings(up)
    raise stopped(
        "TRC609",
        f'no run is recorded at or above "{folder}"',
        "go to the project's folder, or run its pipeline with `trc run FILE` first",
    )


def environment_of_code() -> dict[str, str]:
    """What a pipeline's own code sees of the environment: no more than a task does."""
    return clean(os.environ)


def variables_of_uv() -> MappingOf[str, str]:
    """What tells uv where packages come from, and trc where its environments lie."""
    return os.environ


def variables_of_secrets() -> MappingOf[str, str]:
    """Where `env:NAME` finds its value: looked up when a task is about to be given it."""
    return os.environ


def variables_of_telemetry() -> MappingOf[str, str]:
    """Where OpenTelemetry's own variables are found, and the trace that this process is part of."""
    return os.environ


def listed_pipelines(folder: Path) -> Iterator[Path]:
    """The files below a folder that the projects there, or the one that it lies in, list as `pipelines`."""
    here = folder.resolve()
    above = [up for up in (here, *here.parents) if (up / PROJECT_FILE).is_file()][:1]
    projects = {*above, *_projects_below(here)}
    for project in sorted(projects):
        for pattern in _read(project / PROJECT_FILE).pipelines or ():
            for file in sorted(project.glob(pattern)):
                if file.is_file() and file.is_relative_to(here) and not _is_hidden(file, here):
                    yield folder / file.relative_to(here)


def _projects_below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if PROJECT_FILE in files or PROJECT_FILE in folders:
            yield Path(place)


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def project_of(folder: Path) -> Settings | None:
    """The settings of the project whose file lies in a folder or above it, if there is one."""
    folder = folder.resolve()
    found = next((up for up in (folder, *folder.parents) if (up / PROJECT_FILE).is_file()), None)
    return None if found is None else _settings(found)


def _settings(project: Path, workers: int | None = None, target: str | None = None) -> Settings:
    path = project / PROJECT_FILE
    written = _Written() if not path.is_file() else _read(path)
    chosen = target or os.environ.get(TARGET_VARIABLE) or ""
    return Settings(
        project,
        workers or written.workers or cores(),
        written.file,
        written.pipelines,
        written.task_packages,
        written.deny_warnings,
        openlineage=_events(project, written),
        shared=written.states.get(chosen, written.state),
        network=Allowed(frozenset(written.hosts), tuple(written.networks)),
        s3=S3Writing(**written.s3),
        hooks_key=written.hooks_key,
        max_async=MAX_ASYNC if written.max_async is None else written.max_async,
        start_timeout=written.start_timeout,
        telemetry=telemetry_of(project, written.telemetry),
        backends=_with_workers(written.backends, workers),
    )


def _with_workers(
    backends: MappingOf[str, MappingOf[str, Any]], workers: int | None
) -> MappingOf[str, MappingOf[str, Any]]:
    """What the tables say, where the command line has not said how many attempts run at a time."""
    return backends if workers is None else {**backends, "ray": {**backends.get("ray", {}), "workers": workers}}


def _events(project: Path, written: _Written) -> OpenLineage:
    file = written.events.get("file")
    return OpenLineage(**{**written.events, "file": None if file is None else project / file})


@dataclass(slots=True)
class _Written:
    """What a project file says."""

    file: SourceFile | None = None
    workers: int | None = None
    max_async: int | None = None
    start_timeout: int | None = None
    pipelines: tuple[str, ...] | None = None
    task_packages: tuple[tuple[str, Span], ...] = ()
    deny_warnings: bool = False
    events: dict[str, Any] = field(default_factory=dict[str, Any])
    state: SharedState | None = None
    states: dict[str, SharedState] = field(default_factory=dict[str, SharedState])
    """Those that targets say."""
    hosts: list[str] = field(default_factory=list[str])
    networks: list[Network] = field(default_factory=list[Network])
    hooks_key: str | None = None
    telemetry: dict[str, Any] = field(default_factory=dict[str, Any])
    s3: dict[str, Any] = field(default_factory=dict[str, Any])
    backends: dict[str, dict[str, Any]] = field(default_factory=dict[str, "dict[str, Any]"])


def _read(path: Path) -> _Written:
    collect = Collector()
    file = read(path, _shown(path), collect)
    tree = toml.parse(file, collect, "TRC111") if file and file.text.strip() else None
    written = _Written(file if tree is not None else None)
    for entry in tree.entries if tree else ():
        _KEYS.get(entry.key.value, _unknown)(entry.value, entry.key, written, collect)
    _check_url(tree, written, collect)
    if collect.has_errors:
        raise Stopped(collect.sorted(), 2, {file.name: file} if file else {})
    return written


def _check_url(tree: Mapping | None, written: _Written, collect: Collector) -> None:
    """Once all is read: what may be called may be said further down."""
    table = tree.get("openlineage") if tree else None
    value = table.get("url") if isinstance(table, Mapping) else None
    if value is None or "url" not in written.events:
        return
    try:
        read_url(written.events["url"], Allowed(frozenset(written.hosts), tuple(written.networks)))
    except Refused as refused:
        collect.add(Diagnostic("TRC638", refused.message, value.span, help=refused.help))


def _shown(path: Path) -> str:
    """The file as the user would name it from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


_Reader = Callable[[Node, Scalar, _Written, Collector], None]


def _unknown(_value: Node, key: Scalar, _written: _Written, collect: Collector) -> None:
    remedy = did_you_mean(key.value, _KEYS) or (f"the keys are: {', '.join(_KEYS)}",)
    _wrong(collect, f'"{key.value}" is not known here', key.span, *remedy)


def _local(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" takes a table', key.span, "write [local] on a line of its own")
        return
    for entry in value.entries:
        name = entry.key.value
        if name not in _NUMBERS:
            remedy = did_you_mean(name, _NUMBERS) or (f"the keys are: {', '.join(_NUMBERS)}",)
            _wrong(collect, f'"local.{name}" is not known here', entry.key.span, *remedy)
            continue
        least, most, example = _NUMBERS[name]
        number: Any = typed(entry.value).value if isinstance(entry.value, Scalar) else None
        if type(number) is int and least <= number <= most:
            setattr(written, name, number)
        else:
            told = f'"local.{name}" takes a whole number from {least} to {most}'
            _wrong(collect, told, entry.value.span, f"write {name} = {example}")


def _asked_of(backend: str, asked: MappingOf[str, str]) -> Iterator[tuple[str, Any]]:
    """What is asked of a backend, read as its table is."""
    has_table = _KEYS.get(backend) is _backend
    keys: Any = import_module(f"trc.backends.{backend}.options").KEYS if has_table else {}
    for name, value in asked.items():
        if name not in keys:
            raise UnfitOption(f'--{name} says nothing to the backend "{backend}"')
        try:
            yield name, keys[name].read(value)
        except ValueError as error:
            raise UnfitOption(f"--{name} {keys[name].takes}: {value!r} is none") from error


_NUMBERS: Final[MappingOf[str, tuple[int, int, int]]] = {
    "workers": (1, 1024, 4),
    "max_async": (0, 10_000, 500),
    "start_timeout": (1, 86_400, 600),
}
"""The keys of the local backend, with the least and the most that they take, and an example."""


def _backend(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    """The table of a backend of ours, which says itself what its keys are."""
    backend = key.value
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{backend}" takes a table', key.span, f"write [{backend}] on a line of its own")
        return
    # Loaded by projects that say something of it.
    keys: Any = import_module(f"trc.backends.{backend}.options").KEYS
    table = written.backends.setdefault(backend, {})
    for entry in value.entries:
        name = entry.key.value
        if name not in keys:
            remedy = did_you_mean(name, keys) or (f"the keys are: {', '.join(keys)}",)
            _wrong(collect, f'"{backend}.{name}" is not known here', entry.key.span, *remedy)
            continue
        try:
            answer: Any = typed(entry.value).value if isinstance(entry.value, Scalar) else None
            table[name] = keys[name].read(answer)
        except ValueError:
            told = f'"{backend}.{name}" {keys[name].takes}'
            _wrong(collect, told, entry.value.span, f"write {keys[name].example}")


def _check(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" is a table', key.span, "write [check] on a line of its own")
        return
    for entry in value.entries:
        if entry.key.value != "deny_warnings":
            remedy = did_you_mean(entry.key.value, ("deny_warnings",)) or ("the key is: deny_warnings",)
            _wrong(collect, f'"check.{entry.key.value}" is not known here', entry.key.span, *remedy)
            continue
        answer: Any = typed(entry.value).value if isinstance(entry.value, Scalar) else None
        if isinstance(answer, bool):
            written.deny_warnings = answer
        else:
            message = '"check.deny_warnings" is true or false'
            _wrong(collect, message, entry.value.span, "write deny_warnings = true")


def _openlineage(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" is a table', key.span, "write [openlineage] on a line of its own")
        return
    for entry in value.entries:
        name = entry.key.value
        if name not in _EVENTS:
            remedy = did_you_mean(name, _EVENTS) or (f"the keys are: {', '.join(_EVENTS)}",)
            _wrong(collect, f'"openlineage.{name}" is not known here', entry.key.span, *remedy)
            continue
        kind, takes, example = _EVENTS[name]
        answer: Any = typed(entry.value).value if isinstance(entry.value, Scalar) else None
        if not isinstance(answer, kind) or answer == "" or "\0" in str(answer):
            _wrong(collect, f'"openlineage.{name}" {takes}', entry.value.span, f"write {example}")
        elif name != "api_key" or _is_secret(str(answer), entry.value.span, collect):
            written.events[name] = answer
    if "file" in written.events and "url" in written.events:
        both = '"openlineage" tells to a file or to a URL, and not to both'
        _wrong(collect, both, key.span, "keep the one that you mean")


def _is_secret(text: str, span: Span, collect: Collector) -> bool:
    # What secrets are is part of the IR, which most commands do without.
    references: Any = import_module("trc.compiler.ir.secrets")
    try:
        references.read_reference(text)
    except references.BadReference as bad:
        collect.add(Diagnostic(bad.code, bad.message, span, help=bad.help))
        return False
    return True


_EVENTS: Final[MappingOf[str, tuple[type, str, str]]] = {
    "file": (str, "takes the path of a file", 'file = "lineage.jsonl"'),
    "url": (str, "takes a URL", 'url = "https://lineage.example.com"'),
    "endpoint": (str, "takes the path that events go to", 'endpoint = "api/v1/lineage"'),
    "api_key": (str, "takes a reference to a secret", 'api_key = "env:LINEAGE_KEY"'),
    "namespace": (str, "takes a text", 'namespace = "shop"'),
    "source_code": (bool, "is true or false", "source_code = true"),
}


def _hooks(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" is a table', key.span, "write [hooks] on a line of its own")
        return
    for entry in value.entries:
        if entry.key.value != "key":
            remedy = did_you_mean(entry.key.value, ("key",)) or ("the key is: key",)
            _wrong(collect, f'"hooks.{entry.key.value}" is not known here', entry.key.span, *remedy)
        elif not isinstance(entry.value, Scalar) or not isinstance(typed(entry.value).value, str):
            message = '"hooks.key" takes a reference to a secret'
            _wrong(collect, message, entry.value.span, 'write key = "env:HOOK_KEY"')
        elif _is_secret(entry.value.value, entry.value.span, collect):
            written.hooks_key = entry.value.value


def _network(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" is a table', key.span, "write [network] on a line of its own")
        return
    for entry in value.entries:
        name = entry.key.value
        if name not in _OF_NETWORK:
            remedy = did_you_mean(name, _OF_NETWORK) or (f"the keys are: {', '.join(_OF_NETWORK)}",)
            _wrong(collect, f'"network.{name}" is not known here', entry.key.span, *remedy)
            continue
        for text, span in _texts(entry.value, entry.key, collect):
            host, network = host_of(text), network_of(text)
            if name == "allow_hosts" and host is not None:
                written.hosts.append(host)
            elif name == "allow_networks" and network is not None:
                written.networks.append(network)
            else:
                _wrong(collect, f'"{text}" {_OF_NETWORK[name][0]}', span, _OF_NETWORK[name][1])


_OF_NETWORK: Final[MappingOf[str, tuple[str, str]]] = {
    "allow_hosts": ("is no host: a name or an address, without scheme and port", "write it like hooks.internal"),
    "allow_networks": ("is no network", "write it like 10.20.0.0/16"),
}


def _s3(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" is a table', key.span, "write [s3] on a line of its own")
        return
    for entry in value.entries:
        name = entry.key.value
        if name == "tags":
            written.s3["tags"] = dict(_tags(entry.value, entry.key, collect))
        elif name not in _OF_S3:
            remedy = did_you_mean(name, _OF_S3) or (f"the keys are: {', '.join(_OF_S3)}",)
            _wrong(collect, f'"s3.{name}" is not known here', entry.key.span, *remedy)
        elif not isinstance(entry.value, Scalar) or entry.value.style != "double" or not entry.value.value:
            _wrong(collect, f'"s3.{name}" takes a text', entry.value.span, _OF_S3[name])
        elif name == "encryption" and entry.value.value not in ENCRYPTIONS:
            message = f'"{entry.value.value}" is no encryption that S3 knows'
            _wrong(collect, message, entry.value.span, f"there are: {', '.join(ENCRYPTIONS)}")
        else:
            written.s3[name] = entry.value.value
    if "kms_key" in written.s3 and not str(written.s3.get("encryption", "")).startswith("aws:kms"):
        _wrong(collect, '"s3.kms_key" is for an encryption by KMS', key.span, 'write encryption = "aws:kms" as well')


_OF_S3: Final = {
    "encryption": 'write encryption = "aws:kms"',
    "kms_key": 'write kms_key = "arn:aws:kms:…"',
    "tags": 'write tags = { team = "data" }',
}


def _tags(value: Node, key: Scalar, collect: Collector) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        _wrong(collect, '"s3.tags" takes a table of texts', key.span, _OF_S3["tags"])
        return
    if len(value.entries) > MOST_TAGS:
        _wrong(collect, f"an object has {MOST_TAGS} tags at most, and these are {len(value.entries)}", key.span)
    for entry in value.entries:
        if not isinstance(entry.value, Scalar) or entry.value.style != "double":
            _wrong(collect, f'the tag "{entry.key.value}" is a text', entry.value.span, _OF_S3["tags"])
        elif len(entry.key.value) > LONGEST_TAG[0] or len(entry.value.value) > LONGEST_TAG[1]:
            most = f"a name has {LONGEST_TAG[0]} characters at most, and a value {LONGEST_TAG[1]}"
            _wrong(collect, f'the tag "{entry.key.value[:40]}" is too long', entry.key.span, most)
        elif not TAG.fullmatch(entry.key.value) or not TAG.fullmatch(entry.value.value):
            taken = "letters, digits, spaces and + - = . _ : / @"
            _wrong(collect, f'S3 does not take the tag "{entry.key.value}" so', entry.key.span, f"it takes {taken}")
        else:
            yield entry.key.value, entry.value.value


def _telemetry(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    table = key.value
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{table}" is a table', key.span, f"write [{table}] on a line of its own")
        return
    for entry in value.entries:
        name = entry.key.value
        if name not in TABLES[table]:
            remedy = did_you_mean(name, TABLES[table]) or (f"the keys are: {', '.join(TABLES[table])}",)
            _wrong(collect, f'"{table}.{name}" is not known here', entry.key.span, *remedy)
            continue
        known = TABLES[table][name]
        answer: Any = typed(entry.value).value if isinstance(entry.value, Scalar) else None
        if known.fits(answer):
            written.telemetry[known.field] = answer
        else:
            _wrong(collect, f'"{table}.{name}" {known.takes}', entry.value.span, f"write {known.example}")


def _pipelines(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    texts = [text for text, span in _texts(value, key, collect) if _is_inside(text, span, collect)]
    written.pipelines = tuple(texts)


def _is_inside(pattern: str, span: Span, collect: Collector) -> bool:
    if not pattern.startswith("/") and ".." not in Path(pattern).parts and "\0" not in pattern and pattern.strip():
        return True
    _wrong(collect, f'"{pattern}" does not stay in the project', span, "write a pattern such as pipelines/*.yaml")
    return False


def _task_packages(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    written.task_packages = tuple(_texts(value, key, collect))


def _texts(value: Node, key: Scalar, collect: Collector) -> Iterator[tuple[str, Span]]:
    for item in value.items if isinstance(value, Sequence) else (None,):
        if isinstance(item, Scalar) and item.style == "double":
            yield item.value, item.span
        else:
            span = value.span if item is None else item.span
            _wrong(collect, f'"{key.value}" takes a list of texts', span, f'write {key.value} = ["…"]')


def _of_pipelines(value: Node, key: Scalar, _written: _Written, collect: Collector) -> None:
    """Read with each pipeline, which says what is wrong within."""
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" takes a table', key.span, f"write [{key.value}] on a line of its own")


def _targets(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    """Read with each pipeline, but for where state lies: commands without a pipeline ask for that."""
    _of_pipelines(value, key, written, collect)
    for entry in value.entries if isinstance(value, Mapping) else ():
        state = entry.value.get("state") if isinstance(entry.value, Mapping) else None
        # What is no address is refused when the target is chosen.
        if isinstance(state, Scalar) and (is_address(state.value) or is_bucket_address(state.value)):
            address = _address(state, f"targets.{entry.key.value}.state", collect)
            if address is not None:
                written.states[entry.key.value] = SharedState(address, place=state.span)


def _state(value: Node, _key: Scalar, written: _Written, collect: Collector) -> None:
    parts = {one.key.value: one for one in value.entries} if isinstance(value, Mapping) else {}
    for name in sorted(parts.keys() - {"url", "password"}):
        remedy = did_you_mean(name, ("url", "password")) or ("the keys are: url, password",)
        _wrong(collect, f'"state.{name}" is not known here', parts[name].key.span, *remedy)
    url = parts["url"].value if "url" in parts else value
    address = _address(url, "state.url" if parts else "state", collect)
    password = parts["password"].value if "password" in parts else None
    reference = password.value if isinstance(password, Scalar) else ""
    if password is not None and not _REFERENCE.fullmatch(reference):
        # The text is not shown: it may be the password itself.
        told = f'{password.span.file}: "state.password" takes the name of a secret, not the secret'
        collect.add(Diagnostic("TRC111", told, help=('write password = "env:NAME"',)))
    elif password is not None and isinstance(address, BucketAddress):
        told = '"state.password" is for a database: S3 is reached by the AWS configuration of this user'
        _wrong(collect, told, password.span, "take it out")
    elif address is not None:
        written.state = SharedState(address, reference or None, url.span)


_REFERENCE: Final = re.compile(r"(env|file|aws-secretsmanager|aws-ssm):.+")


def _address(node: Node, called: str, collect: Collector) -> Address | BucketAddress | None:
    text = node.value if isinstance(node, Scalar) else ""
    if is_bucket_address(text):
        try:
            return bucket_address_of(text)
        except WrongAddress as wrong:
            _wrong(collect, f'"{called}": {wrong}', node.span, wrong.remedy)
            return None
    if not is_address(text):
        remedy = (
            f'write state = "{EXAMPLE}" or "{BUCKET_EXAMPLE}", or leave it out: the state then lies in "{STATE_FOLDER}"'
        )
        _wrong(collect, f'"{called}" takes the address of a database of PostgreSQL, or of S3', node.span, remedy)
        return None
    try:
        return address_of(text)
    except WrongAddress as wrong:
        # Without its line, which may hold a password.
        collect.add(Diagnostic("TRC111", f'{node.span.file}: "{called}": {wrong}', help=(wrong.remedy,)))
        return None


_KEYS: Final[MappingOf[str, _Reader]] = {
    "pipelines": _pipelines,
    "task_packages": _task_packages,
    "defaults": _of_pipelines,
    "targets": _targets,
    "state": _state,
    "local": _local,
    "docker": _backend,
    "ray": _backend,
    "check": _check,
    "openlineage": _openlineage,
    "hooks": _hooks,
    "network": _network,
    "s3": _s3,
    **dict.fromkeys(TABLES, _telemetry),
}


def _wrong(collect: Collector, message: str, span: Span, *help_lines: str) -> None:
    collect.add(Diagnostic("TRC111", message, span, help=help_lines))
