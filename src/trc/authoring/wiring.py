"""How a composite is wired to what is around it: the names inside, and what they mean out there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trc.authoring.misuse import Misuse, nearest
from trc.authoring.options import dataset
from trc.authoring.places import Spot
from trc.authoring.refs import Dataset, Group
from trc.authoring.values import keyed, listed, many, text


def wired(requires: Any, declared: Sequence[str], spot: Spot) -> dict[str, tuple[Spot, Dataset | str]]:
    """The datasets outside, by the names that the composite's tasks know them by."""
    meant: dict[str, tuple[Spot, Dataset | str]] = {}
    if isinstance(requires, Mapping):
        items = [(key, spot.at(key), one) for key, one in keyed(requires, "requires", spot).items()]
    else:
        found = listed(requires, "requires", spot)
        items = [(one.name if isinstance(one, (Dataset, Group)) else one, at, one) for one, at in found]
    for local, at, one in items:
        if local not in declared:
            message = f'the composite does not require "{local}"'
            raise Misuse(message, at, *nearest(str(local), declared, "it requires"))
        meant[local] = (at, dataset(one, "requires", at))
    return meant


def outward(provides: Any, declared: Sequence[str], name: str, spot: Spot) -> dict[str, str]:
    """What the composite's datasets are called outside, by their names inside."""
    if provides is None:
        return {declared[0]: name} if len(declared) == 1 else {one: f"{name}__{one}" for one in declared}
    if isinstance(provides, Mapping):
        named = keyed(provides, "provides", spot)
        names = {key: text(one, f'provides["{key}"]', spot.at(key)) for key, one in named.items()}
    elif isinstance(provides, str) and len(declared) == 1:
        names = {declared[0]: provides}
    else:
        names = {text(one, "provides", at): one for one, at in many(provides, "provides", spot)}
    for one in names:
        if one not in declared:
            raise Misuse(
                f'the composite does not provide "{one}"', spot.at(one), *nearest(one, declared, "it provides")
            )
    rest = {one: f"{name}__{one}" for one in declared if one not in names}
    return {**names, **rest}
