"""The object that says that a state store lies here, which one, and from where on its log is to be followed."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import Final

from trc.runtime.s3store import complaints
from trc.runtime.s3store.objects import StateObjects
from trc.runtime.s3store.probe import PROBE
from trc.runtime.taskside.records import record

NAME: Final = "state.json"
_FORM: Final = 1
"""Of the objects: one that an older trc could not follow is another form."""


@record(frozen=True, slots=True)
class Marker:
    """`id` is the store's own; whoever begins at the `checkpoint` needs nothing of the log up to that number."""

    id: str
    checkpoint: int = 0
    etag: str = ""

    @classmethod
    def read(cls, objects: StateObjects) -> Marker | None:
        """The store's, if one was made; raises `Stopped` for an object that is something else."""
        held = objects.read(NAME)
        if held is None:
            return None
        try:
            value = json.loads(held.body)
            found = cls(str(value["id"]), int(value["checkpoint"]), held.etag)
            form = int(value["form"])
        except (ValueError, KeyError, TypeError) as error:
            raise complaints.damaged(objects.address, f'"{NAME}"', "is something else") from error
        if form != _FORM:
            raise complaints.newer(objects.address, form, _FORM)
        return found

    @classmethod
    def made(cls, objects: StateObjects) -> Marker:
        """That of a new store, or of one that another process made at the same time; raises `Stopped` where something lies there."""
        found = cls.read(objects)
        if found is None and (others := [name for name, _ in objects.names("") if not name.startswith(PROBE)]):
            found = cls.read(objects)
            if found is None:
                raise complaints.damaged(objects.address, f'"{NAME}"', f'is missing, and "{others[0]}" is there')
        if found is None:
            objects.create(NAME, _body(token_hex(16), 0))
            found = cls.read(objects)
        if found is None:
            raise complaints.damaged(objects.address, f'"{NAME}"', "was removed as soon as it was made")
        return found

    def moved(self, objects: StateObjects, checkpoint: int) -> bool:
        """Tells others of a later checkpoint; not where somebody else has just done so."""
        return objects.replace(NAME, _body(self.id, checkpoint), self.etag) is not None


def _body(store: str, checkpoint: int) -> bytes:
    return json.dumps({"trc": "state", "form": _FORM, "id": store, "checkpoint": checkpoint}).encode()
