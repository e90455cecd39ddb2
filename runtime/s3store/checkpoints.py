"""Whole copies of the store on S3, so that nobody has to follow its log from the beginning, and the log can be cut off."""

from __future__ import annotations

from typing import Final

from trc.runtime.s3store import complaints
from trc.runtime.s3store.log import name_of
from trc.runtime.s3store.marker import Marker
from trc.runtime.s3store.objects import StateObjects
from trc.runtime.s3store.replica import NewerCopy, Replica
from trc.runtime.store.migrate import newest

EVERY: Final = 128
"""Steps from one checkpoint to the next."""
KEPT: Final = 86_400.0
"""Seconds for which steps and checkpoints are kept that newer ones have replaced: somebody may be in the middle of them."""


def load_checkpoint(objects: StateObjects, replica: Replica, marker: Marker) -> None:
    """Has the copy begin where the store's newest checkpoint is."""
    body: bytes | None = None
    if marker.checkpoint:
        held = objects.read(_name(marker.checkpoint))
        if held is None:
            raise complaints.damaged(objects.address, f'"{_name(marker.checkpoint)}"', "is missing")
        body = held.body
    try:
        replica.start_over(marker.id, marker.checkpoint, body)
    except NewerCopy as error:
        raise complaints.newer(objects.address, error.args[0], newest()) from error
    except ValueError as error:
        raise complaints.damaged(objects.address, f'"{_name(marker.checkpoint)}"', str(error)) from error


def write_checkpoint(objects: StateObjects, replica: Replica) -> int | None:
    """Writes the copy as it is, and removes what nobody needs any more; the number, None where others have done it."""
    marker = Marker.read(objects)
    position, body = replica.checkpoint()
    if marker is None or marker.id != replica.standing.store or marker.checkpoint >= position:
        return None
    objects.put(_name(position), body)
    if not marker.moved(objects, position):
        return None
    _cut_off(objects, marker.checkpoint)
    return position


def _cut_off(objects: StateObjects, before: int) -> None:
    """Removes what the checkpoint before the newest had replaced already, some of it at a time, if it was a day old by then, by S3's own clock."""
    written_at = max((at for _, at in objects.names(_name(before))), default=0.0)
    for folder, last in (("log/", name_of(before)), ("checkpoints/", _name(before - 1))):
        found = objects.names(folder)
        objects.remove([name for name, at in found if name <= last and at < written_at - KEPT])


def _name(number: int) -> str:
    return f"checkpoints/{number:012d}.db.gz"
