"""Dead task elimination: where a part of a pipeline is run, an intermediate that nothing in it reads is not computed."""

from __future__ import annotations

from trc.compiler.passes.draft import Draft, DraftTask
from trc.compiler.passes.proofs import hides_a_failure, not_to_choose


def dead_tasks(draft: Draft) -> None:
    """Leaves out what a chosen task only waits for, if it has no effect but rows that nobody in this run looks at.

        audited: SELECT * FROM orders          read by a report that is left out
        export:  SELECT … { needs = [audited] }

    With `--select export`, `audited` is not run. A run of the whole pipeline has no dead tasks: what nobody reads is a result.
    """
    if all(task.is_asked for task in draft.tasks):
        return
    for task in reversed(draft.tasks):
        if not task.is_run:
            continue
        why = _why_not(task, draft)
        if why:
            draft.decline(task.name, "dead_tasks", why)
        else:
            draft.leave_out(task.name, "dead_tasks", "not run: what reads it is left out")


def _why_not(task: DraftTask, draft: Draft) -> str:
    if task.is_asked:
        return "it was selected"
    living = [one.task for one in draft.readers[task.name] if one.task.is_run and one.task.name not in draft.dead]
    if living:
        return f'"{living[0].name}" reads it'
    return not_to_choose(task) or _looked_into(task, draft) or hides_a_failure(task)


def _looked_into(task: DraftTask, draft: Draft) -> str:
    lookers = draft.lookers.get(task.name, ())
    looker = next((one.name for one in draft.tasks if one.name in lookers and one.is_run), "")
    return f'the expectations of "{looker}" look values up in it' if looker else ""
