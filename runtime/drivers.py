"""Who drives a run, and whether that process still lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from trc.runtime.clock import Clock
from trc.runtime.store.journal import Driver, RunRecord

LEASE = 30.0
"""How many seconds a driver counts as alive after a sign of life, where nobody can look at its process."""

RENEW = 10.0
"""How many seconds lie between two signs of life."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc")
_MACHINE_ID = Path("/etc/machine-id")
# The first namespace of process ids has the same number on every Linux.
_FIRST_NAMESPACE = "pid:[4026531836]"


def this_driver(clock: Clock) -> Driver:
    """This process, as a driver with an id of its own each time it is asked for."""
    pid = os.getpid()
    began = start_of(pid)
    # Without a list of processes a later process of this number could not be told from this one by its own start.
    start_time = int(clock.now()) if began is None else began
    return Driver(os.urandom(16).hex(), _host(), boot_id(), pid, start_time)


def boot_id() -> str:
    """What names this boot of the machine; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def is_alive(driver: Driver, lease_until: float, now: float, here: Driver) -> bool:
    """Whether a driver may still act; `here` is any driver of this process.

    On this boot of this host its process decides, elsewhere its lease.
    """
    if driver.host != here.host or not driver.boot_id or not here.boot_id:
        return lease_until > now
    if driver.boot_id != here.boot_id:
        return False
    return start_of(driver.pid) == driver.start_time


def retired(driver: Driver) -> Driver:
    """The driver as one that drives nothing any more once its lease has ended, though its process may live on."""
    return replace(driver, boot_id="")


def is_driven(run: RunRecord, drivers: Mapping[str, tuple[Driver, float]], clock: Clock) -> bool:
    """Whether a run goes on and the process that drives it lives; `drivers` were read after the run."""
    known = drivers.get(run.driver)
    return run.state == "running" and known is not None and is_alive(*known, clock.now(), this_driver(clock))


def _host() -> str:
    """The host's name, with what tells it from others of that name that share a state store.

    In a container, the namespace is part of it, too: process ids are others there than the host's.
    """
    name = f"{socket.gethostname()}{_machine()}"
    try:
        namespace = os.readlink(_PROCESSES / "self/ns/pid")  # noqa: PTH115 - the link's text is not a path
    except OSError:
        return name
    return name if namespace == _FIRST_NAMESPACE else f"{name}#{namespace[5:-1]}"


def _machine() -> str:
    try:
        return f"/{_MACHINE_ID.read_text(encoding='ascii').strip()[:8]}"
    except (OSError, ValueError):
        return ""


def start_of(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None if it is not there or has ended."""
    try:
        text = (_PROCESSES / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The command's name stands in parentheses and may hold any character, those included.
    state, *numbers = text[text.rindex(b")") + 2 :].split()
    # An ended process stays listed until its parent asks how it ended.
    return None if state in {b"Z", b"X", b"x"} else int(numbers[18])
