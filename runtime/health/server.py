"""The server of a shared state store, looked at without a change to what is kept there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trc.runtime.drivers import LEASE, RENEW
from trc.runtime.health.finding import Finding, ok
from trc.runtime.health.place import MOMENT
from trc.runtime.health.reading import Reading
from trc.runtime.store.address import Address
from trc.runtime.store.migrate import newest


def look_at_server(reading: Reading, address: Address, now: Callable[[], float]) -> Iterator[Finding]:
    """Whether the store can be used and written, and is of this trc's form; what its server's clock tells, and whether commits last.

    Ends at what makes the rest meaningless. `now` tells seconds since the epoch.
    """
    version, encoding, syncs, only_reads, is_made, may_make = reading.rows(
        "health", "about", {"schema": address.schema}
    ).fetchone()
    if only_reads:
        text = f'the state store "{address}" cannot be written: the server is a copy that only reads'
        yield Finding("store", "error", text, "name the server that it is a copy of")
        return
    if encoding != "UTF8":
        text = f"the database keeps texts as {encoding}, and the state needs UTF8"
        yield Finding("store", "error", text, "make one with: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0")
        return
    yield ok("store", f'the state store "{address}" answers (PostgreSQL {version.split()[0]})')
    yield _clock(reading, now)
    yield _lasting(syncs)
    yield _form(reading, address, is_made=is_made, may_make=may_make)


def is_current(reading: Reading) -> bool:
    """Whether what is recorded can be read by this trc."""
    is_made = reading.rows("session", "about").fetchone()[1]
    return bool(is_made) and reading.rows("session", "newest").fetchone()[0] == newest()


def _form(reading: Reading, address: Address, *, is_made: bool, may_make: bool) -> Finding:
    last = newest()
    found = reading.rows("session", "newest").fetchone()[0] if is_made else 0
    if found > last:
        text = f"the state store has version {found}, and this trc knows {last}"
        return Finding("schema", "error", text, "use the trc that wrote it, or a newer one")
    if found == last:
        return ok("schema", f"the state store has the current version, {found}")
    if not may_make:
        text = f'this user may not make tables in the schema "{address.schema}"'
        return Finding("schema", "error", text, f'let it: CREATE SCHEMA "{address.schema}" AUTHORIZATION its_name')
    if not is_made:
        return ok("schema", "no run is recorded there: the first command that asks makes the tables")
    text = f"the state store has version {found}; the next command makes it {last}"
    return Finding("schema", "warn", text, "keep a copy of it, if an older trc is to use it again")


def _clock(reading: Reading, now: Callable[[], float]) -> Finding:
    before = now()
    there = reading.rows("health", "clock").fetchone()[0]
    return told_of_clock(max(before - there, there - now(), 0.0))


def told_of_clock(apart: float) -> Finding:
    """What it means that this machine's clock and that of a shared store are so many seconds apart."""
    remedy = "set the clocks of all machines that share the state by one time server"
    if apart >= LEASE - RENEW:
        text = f"this machine's clock is {apart:.0f} s off the server's: a run that another machine drives may be taken for dead"
        return Finding("clock-of-server", "error", text, remedy)
    if apart > MOMENT:
        return Finding("clock-of-server", "warn", f"this machine's clock is {apart:.0f} s off the server's", remedy)
    return ok("clock-of-server", "the server's clock and this machine's tell the same time")


def _lasting(syncs: str) -> Finding:
    if syncs == "on":
        return ok("durability", "the server syncs what it commits")
    text = "the server does not sync what it commits: a power cut there may harm the whole store"
    return Finding("durability", "warn", text, "switch it on in the server's settings: fsync = on")
