"""What was proved of a pipeline's queries, kept for the next time that one of them has changed."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from trc.compiler.sql.facts import QueryFacts
from trc.runtime import checked
from trc.runtime.speccache import SHAPE, plain, query_of

_FOLDER: Final = "proved"
_PARTS: Final = 16
"""How many entries it is spread over: each is bounded, and a pipeline can be long."""


def recall(state: Path, pipeline: Path, world: bytes) -> dict[str, QueryFacts | None]:
    """By the digest of what was asked, what was proved by the very code that would prove it now; None stands for nothing."""
    found: dict[str, QueryFacts | None] = {}
    for part in range(_PARTS):
        kept = checked.values(state / _FOLDER, _key(pipeline, part))
        if isinstance(kept, tuple) and len(kept) == 2 and kept[0] == (world, SHAPE):
            found |= {asked: None if raw is None else query_of(raw) for asked, raw in kept[1].items()}
    return found


def keep(state: Path, pipeline: Path, world: bytes, proved: Mapping[str, QueryFacts | None]) -> None:
    """Keeps these proofs, and no earlier ones. What cannot be kept is proved again, which costs time and nothing else."""
    parts: list[dict[str, object]] = [{} for _ in range(_PARTS)]
    for asked, facts in proved.items():
        parts[int(asked[0], 16)][asked] = None if facts is None else plain(facts)
    for part, held in enumerate(parts):
        checked.keep(state / _FOLDER, _key(pipeline, part), ((world, SHAPE), held))


def _key(pipeline: Path, part: int) -> str:
    return f"{sha256(str(pipeline.absolute()).encode('utf-8', 'surrogateescape')).hexdigest()}-{part:x}"
