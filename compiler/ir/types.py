"""Schemas, three-valued: what is known of a dataset's columns, or why it is not known."""

from __future__ import annotations

from dataclasses import dataclass

from trc.compiler.ir.dataset import Column


@dataclass(frozen=True, slots=True)
class Known:
    """The dataset has exactly these columns, in this order."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """The columns cannot be told before a run; `reason` says why, in the reader's words."""

    reason: str


Schema = Known | Unknown
