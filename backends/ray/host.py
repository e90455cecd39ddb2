"""The actor that hosts attempts on a node: it runs them in worker processes below it, as they run on one machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Final

import trc
from trc.backends.local.environments import Antechamber, antechamber
from trc.backends.local.memory import memory_of_machine
from trc.backends.local.workers import LocalExecutor
from trc.backends.ray.folders import own_folder
from trc.runtime.clock import SystemClock
from trc.runtime.executor import Ended, Lost, Report, Started
from trc.runtime.surroundings import clean, cores
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.records import record

_ENGINES_SHARE: Final = 0.8
_GLANCE: Final = 0.5
"""Seconds between two times that it is told which attempts have not begun."""
_GIVEN: Final = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
"""Variables by which Ray says which accelerators are an actor's own."""


@record(frozen=True, slots=True)
class Terms:
    """What a host has to agree with: trc's version, and a file that the run has written into its state folder."""

    version: str
    mark: str
    text: str
    cpus: float
    """How many of the node's processors are this host's own."""


@record(frozen=True, slots=True)
class Greeting:
    """Where a host is, and why attempts cannot run there, if they cannot: a message and remedies."""

    node: str
    process: int
    refusal: tuple[str, ...] = ()


@record(frozen=True, slots=True)
class Begin:
    """An attempt is to be run."""

    order: TaskOrder


@record(frozen=True, slots=True)
class Stop:
    """An attempt is to be ended: politely, then after `grace` seconds by force."""

    token: str
    grace: float


Command = Begin | Stop


class Host:
    """Its methods are called from several threads; what it runs, it runs in one of its own."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        given = {name: os.environ[name] for name in _GIVEN if name in os.environ}
        self._share = int(memory_of_machine() * _ENGINES_SHARE * min(1.0, terms.cpus / cores()))
        self._scratch = own_folder("trc-host-")
        # Ray kills what an actor has started as it ends the actor.
        self._executor = LocalExecutor(1, clean(os.environ) | given, SystemClock(), 0, _antechamber, is_shielded=True)
        self._wake = self._executor.waker()
        self._changed = Condition()
        self._number = 0
        """Of the last exchange that began."""
        self._inbox: list[Command] = []
        self._reports: list[Report] = []
        self._is_closed = False
        self._thread = Thread(target=self._serve, name="host", daemon=True)
        self._thread.start()

    def greet(self) -> Greeting:
        """Says where it is, and whether attempts can run here."""
        ray: Any = import_module("ray")
        return Greeting(ray.get_runtime_context().get_node_id(), os.getpid(), _refusal(self._terms))

    def exchange(self, number: int, commands: Sequence[Command]) -> tuple[int, tuple[Report, ...]]:
        """Takes commands, and answers what happened since the last answer: at once, or when something does.

        Exchanges are numbered from 1, without gaps, and take place in that order. One that waits is answered when
        the next arrives.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._number == number - 1)
            self._number = number
            self._inbox += commands
            self._changed.notify_all()
            self._wake()
            self._changed.wait_for(lambda: self._reports or self._number > number or self._is_closed)
            if self._number > number:
                return number, ()
            reports, self._reports = self._reports, []
            return number, tuple(reports)

    def leave(self) -> None:
        """Ends all that it started."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._wake()
        self._thread.join()

    def _serve(self) -> None:
        begun: set[str] = set()
        under_way: set[str] = set()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._inbox or self._is_closed or under_way)
                commands, self._inbox = self._inbox, []
                if self._is_closed:
                    break
            for command in commands:
                if isinstance(command, Begin):
                    under_way.add(command.order.token)
                    self._executor.start(self._settled(command.order))
                else:
                    self._executor.stop(command.token, command.grace)
            reports = self._executor.poll(None if under_way == begun else _GLANCE)
            for report in reports:
                if isinstance(report, Started):
                    begun.add(report.token)
                elif isinstance(report, Ended | Lost):
                    under_way.discard(report.token)
                    begun.discard(report.token)
            with self._changed:
                self._reports += reports
                self._changed.notify_all()
        self._executor.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _settled(self, order: TaskOrder) -> TaskOrder:
        """The order, whose engine leaves to the other hosts of the node what is theirs, and spills to the node's own disk."""
        share = order.memory_share if order.memory is not None else order.memory_share or self._share
        return replace(order, memory_share=share, scratch=self._scratch)


def _antechamber() -> Antechamber:
    return antechamber(os.environ)


def _refusal(terms: Terms) -> tuple[str, ...]:
    if trc.__version__ != terms.version:
        message = f"a node of the Ray cluster has trc {trc.__version__}, and this is trc {terms.version}"
        return message, f"install the same on all nodes: pip install 'trc-pipelines[ray]=={terms.version}'"
    try:
        found = Path(terms.mark).read_text(encoding="utf-8")
    except OSError:
        found = ""
    if found != terms.text:
        folder = Path(terms.mark).parent
        message = f'a node of the Ray cluster does not see the folder "{folder}" of this machine'
        return (
            message,
            "put the project and its state where all nodes see them under one path, such as a shared file system",
        )
    return ()
