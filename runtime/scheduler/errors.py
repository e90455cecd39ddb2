"""Which of an author's names for failures a failure goes by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trc.runtime.taskside.result import Failure


def attempts_of(errors: Sequence[tuple[str, int]], failure: Failure) -> int | None:
    """The attempts that a failure has of its own: by its exit code, else its nearest class, else its reason."""
    known = dict(errors)
    for name in _names(failure, known):
        if name in known:
            return known[name]
    return None


def _names(failure: Failure, known: dict[str, int]) -> Iterator[str]:
    """What the failure goes by, the closest first."""
    if failure.exit_code is not None:
        yield str(failure.exit_code)
    for one in failure.classes:
        module, _, name = one.rpartition(".")
        yield one
        # `requests.ConnectionError` is how people know `requests.exceptions.ConnectionError`.
        above = [written for written in known if written.endswith(f".{name}") and _is_within(module, written)]
        yield from sorted(above, key=len, reverse=True)
        yield name
    if failure.type:
        yield failure.type
    yield failure.reason


def _is_within(module: str, written: str) -> bool:
    package = written.rpartition(".")[0]
    return module == package or module.startswith(f"{package}.")
