"""Records as rows of the database, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from trc.runtime.plain_json import encode_plain
from trc.runtime.store.journal import AttemptRecord, DeadLetter, Driver, Message, RunRecord, Service, TaskRecord, Twin
from trc.runtime.store.parts import StoredParts, encode_parts
from trc.runtime.store.results import FileDigest, FileIdentity, Result, StoredOutput
from trc.runtime.taskside.tuples import Tuples

Row = tuple[Any, ...]

# One encoder for all: json.dumps with separators builds a new one each time. Mappings that are no dict become one.
_encode = json.JSONEncoder(separators=(",", ":"), default=dict).encode
_decode = json.loads

_BEYOND = 1 << 63
_CODE_ALONE = {"code"}
_PLAIN = 5
"""Fields of an output that is stored whole."""


def run_row(run: RunRecord) -> Row:
    return (
        run.id,
        run.pipeline,
        run.file,
        run.digest,
        run.logical_time,
        run.driver,
        run.created_at,
        run.state,
        run.ended_at,
        run.resumed,
        run.asked,
        run.submission,
        run.began_at,
    )


def run_of(row: Row) -> RunRecord:
    return RunRecord(*row)


def task_row(task: TaskRecord) -> Row:
    return (
        task.run,
        task.task,
        task.state,
        task.attempt,
        task.token,
        task.lost,
        _reason_text(task.reason),
        None if task.error is None else _encode(task.error),
        task.blocked_by,
        task.started_at,
        task.ended_at,
        task.before,
    )


def twin_of(row: Row) -> Twin:
    group, run, task, key, state, attempt, error, run_state = row
    known = None if error is None else _decode(error)
    return Twin(group, run, task, key, state or "waiting", attempt or 0, known, run_state)


def service_row(service: Service) -> Row:
    return (*service[:3], _encode(service.failed_at), *service[4:])


def service_of(row: Row) -> Service:
    group, name, state, failed_at, until, opened, run, token = row
    return Service(group, name, state, tuple(_decode(failed_at)), until, opened, run, token)


def _reason_text(reason: Mapping[str, Any]) -> str | None:
    """Most reasons are a code and nothing else, and the same for many tasks."""
    if not reason:
        return None
    return _text_of_code(reason["code"]) if reason.keys() == _CODE_ALONE else _encode(reason)


@cache
def _text_of_code(code: str) -> str:
    return _encode({"code": code})


def task_of(row: Row) -> TaskRecord:
    run, task, state, attempt, token, lost, reason, error, blocked_by, started_at, ended_at, before = row
    return TaskRecord(
        run,
        task,
        state,
        attempt,
        token,
        lost,
        {} if reason is None else _decode(reason),
        None if error is None else _decode(error),
        blocked_by,
        started_at,
        ended_at,
        before,
    )


def attempt_row(attempt: AttemptRecord) -> Row:
    return (
        attempt.run,
        attempt.task,
        attempt.number,
        attempt.token,
        attempt.state,
        attempt.log,
        attempt.claimed_at,
        attempt.started_at,
        attempt.ended_at,
        None if attempt.result is None else _ended_text(attempt.result),
    )


def _ended_text(result: Mapping[str, Any]) -> str:
    """An attempt's result; what the task told in it may hold numbers that are none."""
    if result.get("values") or result.get("checks") or result.get("submitted"):
        return _encode(result)
    return encode_plain(result, _encode).decode()


def attempt_of(row: Row) -> AttemptRecord:
    run, task, number, token, state, log, claimed_at, started_at, ended_at, result = row
    ended = None if result is None else _decode(result)
    return AttemptRecord(run, task, number, token, state, log, claimed_at, started_at, ended_at, ended)


def letter_row(letter: DeadLetter) -> Row:
    return (
        letter.run,
        letter.task,
        letter.attempt,
        letter.kind,
        _encode(letter.error),
        None if letter.order is None else _encode(letter.order),
        readable(letter.log),
        letter.died_at,
        letter.state,
        letter.settled_at,
    )


def readable(text: str) -> str:
    """The text without NUL, which some programs print and PostgreSQL keeps in no text."""
    return text.replace("\0", "\ufffd")


def letter_of(row: Row) -> DeadLetter:
    run, task, attempt, kind, error, order, *others = row
    return DeadLetter(run, task, attempt, kind, _decode(error), None if order is None else _decode(order), *others)


def message_row(message: Message) -> Row:
    return (
        message.id,
        message.run,
        message.task,
        message.event,
        message.url,
        message.body,
        message.created_at,
        message.state,
        message.tries,
        message.due_at,
        message.taken_by,
        message.error,
        message.settled_at,
    )


def message_of(row: Row) -> Message:
    return Message(*row)


def result_row(result: Result) -> Row:
    outputs = [_output_row(one) for one in result.outputs]
    return (
        result.pipeline,
        result.task,
        result.key,
        encode_parts(result.parts),
        encode_plain(outputs, _encode).decode(),
        result.run,
        result.attempt,
        result.committed_at,
        None if result.returned is None else _encode(result.returned),
    )


def result_of(row: Row) -> Result:
    pipeline, task, key, parts, outputs, run, attempt, committed_at, returned = row
    stored = tuple([StoredOutput(*one) if len(one) <= _PLAIN else _shaped(*one) for one in _decode(outputs)])
    return Result(
        pipeline,
        task,
        key,
        StoredParts(parts),
        stored,
        run,
        attempt,
        committed_at,
        _decode(returned) if returned else None,
    )


def _output_row(output: StoredOutput) -> Row:
    plain = (output.name, output.path, output.digest, output.size, output.rows)
    is_plain = output.columns is None and output.where is None and not (output.also or output.home)
    if is_plain and output.tuples is None:
        return plain
    tuples = None if output.tuples is None else output.tuples.to_dict()
    return (*plain, output.columns, output.where, output.also, tuples, output.home)


def _shaped(*row: Any) -> StoredOutput:
    name, path, digest, size, rows, columns, where, also, *more = row
    tuples = Tuples.from_dict(more[0]) if more and more[0] is not None else None
    held = None if columns is None else tuple(columns)
    return StoredOutput(name, path, digest, size, rows, held, where, tuple(also), tuples, *more[1:])


def driver_row(driver: Driver, lease_until: float) -> Row:
    return (driver.id, driver.host, driver.boot_id, driver.pid, driver.start_time, lease_until)


def driver_of(row: Row) -> tuple[Driver, float]:
    *facts, lease_until = row
    return Driver(*facts), lease_until


def digest_row(path: str, known: FileDigest) -> Row:
    identity = known.identity
    return (
        path,
        identity.size,
        identity.mtime_ns,
        identity.ctime_ns,
        _signed(identity.inode),
        _signed(identity.device),
        known.digest,
        known.hashed_at_ns,
        known.boot_id,
    )


def digest_of(row: Row) -> tuple[str, FileDigest]:
    path, size, mtime_ns, ctime_ns, inode, device, digest, hashed_at_ns, boot_id = row
    identity = FileIdentity(size, mtime_ns, ctime_ns, _unsigned(inode), _unsigned(device))
    return path, FileDigest(identity, digest, hashed_at_ns, boot_id)


def _signed(number: int) -> int:
    """File systems count inodes with 64 bits; SQLite's integers have a sign."""
    return number - 2 * _BEYOND if number >= _BEYOND else number


def _unsigned(number: int) -> int:
    return number + 2 * _BEYOND if number < 0 else number
