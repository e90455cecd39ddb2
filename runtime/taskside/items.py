"""The item that a repetition of a task is for: found by the names that templates and queries use, put into texts."""

from __future__ import annotations

import json
import re
from typing import Any, Callable

from trc.runtime.taskside.records import record

_TEMPLATE = re.compile(r"\{\{ item((?:\.\w+)*) \}\}")


class Unfit(ValueError):  # noqa: N818 - says what the item is
    """An item cannot stand where it is wanted."""


@record(frozen=True)
class OrderItem:
    """An item as JSON has it. Of a row, `types` are the DuckDB types of its fields, of which some are texts here."""

    value: Any
    types: tuple[tuple[str, str], ...] = ()
    is_row: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {"value": self.value, "types": self.types, "is_row": self.is_row}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> OrderItem:
        """What `to_dict` wrote."""
        return cls(raw["value"], tuple((name, kind) for name, kind in raw["types"]), raw["is_row"])

    @staticmethod
    def text(value: Any) -> str:
        """A value as a text: texts as they are, all else as JSON."""
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def field_called(self, name: str) -> str | None:
        """The field that the parameter `$item_…` of a query means, by what follows `item_`; case does not count."""
        fields = self.value if isinstance(self.value, dict) else {}
        return next((one for one in fields if re.sub(r"\W", "_", one).casefold() == name.casefold()), None)


def filled(value: Any, item: Any, *, is_row: bool) -> Any:
    """The value with the item in each of its texts; a text that is one template keeps the type of what it names.

    Raises Unfit for a field that the item does not have.
    """
    if isinstance(value, str):
        whole = _TEMPLATE.fullmatch(value)
        return named(whole.group(1), item, is_row=is_row) if whole else located(value, item, is_row=is_row)
    if isinstance(value, dict):
        return {name: filled(one, item, is_row=is_row) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(one, item, is_row=is_row) for one in value]
    return value


def located(text: str, item: Any, *, is_row: bool, fits: Callable[[str], bool] = lambda _text: True) -> str:
    """The text with the item in it. Raises Unfit for a field that the item does not have, and for one that does not fit."""

    def put(match: re.Match[str]) -> str:
        found = OrderItem.text(named(match.group(1), item, is_row=is_row))
        if not fits(found):
            raise Unfit(f"the item {json.dumps(found, ensure_ascii=False)} cannot be a part of a location")
        return found

    return _TEMPLATE.sub(put, text)


def named(path: str, item: Any, *, is_row: bool) -> Any:
    """What `item` and the names after it, such as `.region`, stand for. A row of one column is that column's value, too."""
    found = item
    names = path.split(".")[1:]
    if is_row and not names and len(item) == 1:
        return next(iter(item.values()))
    for name in names:
        if not isinstance(found, dict) or name not in found:
            told = f"it has: {', '.join(found)}" if isinstance(found, dict) else f"it is {json.dumps(found)}"
            raise Unfit(f'the item has no "{path[1:]}"; {told}')
        found = found[name]
    return found
