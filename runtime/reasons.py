"""Why a task runs or does not: recorded facts with a code each, and the sentences that tell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class Change:
    """One part of a task's key that differs from the committed one; None: it was not there."""

    field: str
    old: str | None
    new: str | None


@record(frozen=True, slots=True)
class Reason:
    """A fact that decided about a task.

    `code` is one of the keys of `SENTENCES`; `changes` are the parts of the key that differ;
    `detail` fills the sentence (a path, another task's name, a time).
    """

    code: str
    detail: str = ""
    changes: tuple[Change, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As the journal keeps it; empty fields left out."""
        facts: dict[str, Any] = {"code": self.code}
        if self.detail:
            facts["detail"] = self.detail
        if self.changes:
            facts["changes"] = [[change.field, change.old, change.new] for change in self.changes]
        return facts

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Reason:
        """What `to_json` wrote."""
        changes = tuple(Change(*change) for change in facts.get("changes", ()))
        return cls(facts.get("code", ""), facts.get("detail", ""), changes)

    def sentence(self) -> str:
        """The fact in one line, without the list of changes."""
        text = SENTENCES.get(self.code, self.code).replace("{detail}", self.detail)
        if self.changes:
            names = [change.field for change in self.changes]
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            text = text.replace("{changes}", shown)
        return text


CHECK_ONLY: Final = frozenset({"unchecked", "checks_due"})
"""Why a task is not run, and its stored output only held to its expectations."""

WAITS: Final = frozenset({"no_room", "paused", "service_down", "twin"})
"""Why a task does not begin although it is its turn."""

SENTENCES: Final[Mapping[str, str]] = {
    # run
    "first": "it has never succeeded before",
    "changed": "changed since it last succeeded: {changes}",
    "output_missing": "its output is gone: {detail}",
    "output_changed": "its output was changed by someone else: {detail}",
    "output_unknown": "nobody can say whether its output is there: {detail}",
    "not_kept": "it is up to date, but what is read of it is not all stored: {detail}",
    "always": "it always runs: {detail}",
    "disabled": "skipping is switched off: incremental.enabled is false",
    "expired": "its last success is older than max_age: {detail}",
    "forced": "it was asked to run: --force",
    "backfilled": "it was asked to build again what it has of {detail}",
    "items": "it is repeated for {detail}",
    "items_run": "{detail} have to run",
    "item": "it is one of the items of {detail}",
    "subtask": "it is a sub-task of {detail}",
    "subtasks_run": "{detail} have to run",
    "no_key": "its key cannot be computed: {detail}",
    "unchecked": "only its expectations are checked, on the stored output: {changes}",
    "checks_due": "only its expectations are checked, on the stored output: {detail}",
    # waiting
    "no_room": "waits for room: at most {detail}",
    "service_down": "waits for {detail}, which was found to be down",
    "twin": "waits for the end of {detail}",
    "paused": "it is paused: `trc resume --task` has it go on",
    # skip
    "up_to_date": "up to date: inputs, parameters, code, environment and outputs are unchanged",
    "unaffected": "up to date: what it reads is unchanged ({detail})",
    "vouched": "up to date on the author's word: {detail}",
    "kept": "it already succeeded in this run, before the run was interrupted",
    "items_up_to_date": "up to date: {detail}",
    "deduped": "{detail} has succeeded",
    # maybe
    "upstream_runs": "depends on {detail}, which runs first",
    "spared": "will find what it reads unchanged: {detail}",
    # blocked or stopped
    "blocked": "cannot run: {detail}",
    "upstream_failed": "needs {detail}, which failed",
    "omitted": "its condition is false: {detail}",
    "upstream_omitted": "reads {detail}, which was omitted",
    "canceled": "the run was canceled",
    "task_canceled": "it was canceled",
    "deadline": "the run was past its deadline before it began",
}
