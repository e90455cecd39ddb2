"""The tables of a run's report: its head, its critical path, its tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from trc.api import RunAccount, TaskAccount
from trc.cli.page.text import safe, time
from trc.cli.progress import error_line
from trc.cli.quantities import count, duration, size
from trc.runtime.reasons import Change
from trc.runtime.reported import in_words

_LONGEST_VALUE: Final = 160
_MOST_CHANGES: Final = 12
_HEADS: Final = (
    "task",
    "state",
    "why",
    "attempts",
    "started",
    "took",
    "CPU",
    "peak memory",
    "rows",
    "bytes",
    "expectations",
    "error",
)


def head(account: RunAccount) -> str:
    """What the run was, as a list of facts."""
    run = account.run
    took = duration(account.at - run.created_at)
    facts = [
        ("pipeline", safe(run.pipeline)),
        ("file", safe(run.file)),
        ("run", f"<code>{safe(run.id)}</code>"),
        ("state", f'<b class="state {safe(run.state)}">{safe(run.state)}</b>{safe(_standing(account))}'),
        ("logical time", safe(run.logical_time)),
        ("started", time(run.created_at)),
        ("took", took if run.ended_at is not None else f"{took} so far"),
        ("tasks", safe(_counts(account.tasks))),
    ]
    if run.resumed:
        facts.append(("taken up again", f"{count(run.resumed, 'time')}, after its process had died"))
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in facts)}</dl>"


def _standing(account: RunAccount) -> str:
    if account.run.state != "running":
        return ""
    return ", as known when this report was written" if account.alive else ", but its process has died"


def _counts(tasks: Sequence[TaskAccount]) -> str:
    states = Counter(one.record.state for one in tasks)
    return ", ".join(f"{count(number)} {state}" for state, number in states.most_common()) or "none"


def path(account: RunAccount) -> str:
    """The critical path, a task a row, with what each added to the length of the run."""
    whole = max(account.at - account.run.created_at, 1e-9)
    rows: list[str] = []
    since = account.run.created_at
    for step in account.path:
        since += step.seconds
        cells = (duration(step.waited), duration(step.took), f"{step.seconds / whole:.1%}")
        rows.append(_row(step.task, cells))
    rest = account.at - since
    if rest >= 0.0005:
        rows.append(_row("after the last task", (duration(rest), "", f"{rest / whole:.1%}")))
    return _table("Critical path", ("task", "waited", "took", "share of the run"), rows, "narrow")


def _row(head: str, cells: Sequence[str]) -> str:
    told = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return f'<tr><th scope="row">{safe(head)}</th>{told}</tr>'


def tasks(account: RunAccount) -> str:
    """Every task of the run, a row each."""
    marked = {one.task for one in account.path}
    rows = [_task(one, account.at, is_marked=one.record.task in marked) for one in account.tasks]
    return _table("Tasks", _HEADS, rows, "wide")


def _task(task: TaskAccount, at: float, *, is_marked: bool) -> str:
    record = task.record
    end = record.ended_at or at
    took = "" if task.began is None else duration(end - task.began)
    cells = (
        ("", f'<span class="state {safe(record.state)}">{safe(record.state)}</span>'),
        ("", _why(task)),
        ("number", str(len(task.attempts)) if task.attempts else ""),
        ("", time(task.began)),
        ("number", took),
        ("number", "" if task.cpu_seconds is None else duration(task.cpu_seconds)),
        ("number", "" if task.peak_memory is None else size(task.peak_memory)),
        ("number", "" if task.rows is None else count(task.rows)),
        ("number", "" if task.size is None else size(task.size)),
        ("", "<br>".join(safe(f"{one.name}: {in_words(one)}") for one in task.verdicts)),
        ("", safe(error_line(record)) if record.error is not None else ""),
    )
    mark = ' <small class="mark">critical path</small>' if is_marked else ""
    told = "".join(f'<td class="{kind}">{cell}</td>' if kind else f"<td>{cell}</td>" for kind, cell in cells)
    return f'<tr><th scope="row">{safe(record.task)}{mark}</th>{told}</tr>'


def _why(task: TaskAccount) -> str:
    record = task.record
    told = safe(task.reason.sentence()) if task.reason is not None and task.reason.code else ""
    if record.blocked_by is not None:
        told = safe(f"blocked by {record.blocked_by}, which failed")
    changes = task.reason.changes if task.reason is not None else ()
    return told + (f"<ul>{''.join(_changes(changes))}</ul>" if changes else "")


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    for change in changes[:_MOST_CHANGES]:
        values = "".join(
            f"<{mark}>{safe(_short(value))}</{mark}>"
            for mark, value in (("del", change.old), ("ins", change.new))
            if value is not None
        )
        yield f"<li><code>{safe(change.field)}</code> {values}</li>"
    if len(changes) > _MOST_CHANGES:
        yield f"<li>and {count(len(changes) - _MOST_CHANGES)} more</li>"


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else f"{value[: _LONGEST_VALUE - 1]}…"


def _table(caption: str, heads: Sequence[str], rows: Sequence[str], kind: str) -> str:
    columns = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return "\n".join([
        f'<table class="{kind}"><caption>{caption}</caption><thead><tr>{columns}</tr></thead>',
        "<tbody>",
        *rows,
        "</tbody></table>",
    ])  # fmt: skip
