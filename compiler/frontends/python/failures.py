"""What is told of a Python file that built no pipeline."""

from __future__ import annotations

import os
from collections.abc import Mapping as MappingOf
from typing import Any

from trc.compiler.context import Context, Ran
from trc.compiler.diagnostics.diagnostic import Diagnostic, Label
from trc.compiler.diagnostics.wording import one_line
from trc.compiler.frontends.python.code import LINE
from trc.compiler.frontends.python.tree import Malformed, Tree
from trc.compiler.frontends.yaml import DEEPEST
from trc.compiler.source import SourceFile, Span


def syntax_error(file: SourceFile, error: SyntaxError) -> Diagnostic:
    """What Python's own parser says, at its place."""
    starts = [0, *(line_break.end() for line_break in LINE.finditer(file.text))]
    start = starts[min(max(error.lineno or 1, 1), len(starts)) - 1]
    column = max((error.offset or 1) - 1, 0)
    at = min(start + column, len(file.text))
    is_span = error.end_lineno == error.lineno and (error.end_offset or 0) > (error.offset or 0)
    end = start + (error.end_offset or 1) - 1 if is_span else at + 1
    return Diagnostic(
        "TRC212",
        f"Python cannot read this: {error.msg}",
        file.span(at, min(max(end, at), len(file.text))),
        help=("mend the Python code",),
    )


def too_deep(span: Span) -> Diagnostic:
    return Diagnostic(
        "TRC108",
        f"this value nests deeper than {DEEPEST} levels",
        span,
        help=("keep deeply nested data in a file of its own",),
    )


def unknown_runner(file: SourceFile) -> Diagnostic:
    return Diagnostic(
        "TRC110",
        f'"{file.name}" is Python code, which is not run here',
        file.span(0, 0),
        help=("check it with `trc check FILE`",),
    )


_ENDS = {
    "time": ("ran for more than {limit} s", "a pipeline's file only says what there is to do: leave work to the tasks"),
    "size": ("built a pipeline of more than {limit}", "keep data in files, and name them as sources"),
    "signal": ("was ended by signal {code} before it was read", "run it with Python itself, and see where it ends"),
    "exit": (
        "ended its process (exit code {code}) before it was read",
        "take what ends it, or closes descriptors that the file did not open, out of the file",
    ),
    "answered": (
        "answered with something that is no pipeline",
        "do not write to descriptors that the file did not open",
    ),
}


def no_answer(file: SourceFile, ran: Ran) -> Diagnostic:
    """The file's process ended, or was ended, before it had told what the file builds."""
    what, remedy = _ENDS[ran.end]
    return Diagnostic(
        "TRC228",
        f'"{file.name}" {what.format(code=ran.code, limit=ran.limit)}',
        file.span(0, 0),
        help=(remedy, *_printed(ran.printed)),
    )


def failure(said: Any, tree: Tree, context: Context, printed: str) -> Diagnostic:
    """What the file's process says of it in place of a pipeline."""
    match said:
        case {"pipelines": list(calls)}:
            return _not_one(calls, tree)
        case {"mistake": dict(mistake)}:
            return _mistake(mistake, tree)
        case {"failed": {"call": {"message": str(message)} as call} as failed}:
            return _wrong_call(message, call, failed, tree)
        case {"failed": dict(failed)}:
            return _failed(failed, tree, context, printed)
        case _:
            raise Malformed


def _not_one(calls: list[Any], tree: Tree) -> Diagnostic:
    if not calls:
        name = tree.code.file.name
        return Diagnostic(
            "TRC227",
            f'"{name}" builds no pipeline',
            tree.code.file.span(0, 0),
            help=('give one a name at the top of the file: p = Pipeline("my-pipeline")',),
        )
    spans = sorted((tree.at(_list(call)[:4]) for call in calls), key=lambda span: span.start)
    if len(spans) == 1:
        raise Malformed
    first, second, *_ = spans
    return Diagnostic(
        "TRC227",
        f"the file builds {len(calls)} pipelines",
        second,
        related=(Label(first, "the first is built here"),),
        help=("keep each pipeline in a file of its own",),
    )


def _mistake(mistake: MappingOf[Any, Any], tree: Tree) -> Diagnostic:
    related = tuple(_label(one, tree) for one in _list(mistake.get("related")))
    code = mistake.get("code")
    found = tree.found(mistake.get("at"))
    return Diagnostic(
        code if code in ("TRC206", "TRC220", "TRC226", "TRC229") else "TRC226",
        str(mistake.get("message")),
        found.key if mistake.get("at_name") else found.span,
        related=related,
        help=_lines(mistake.get("help")),
    )


def _wrong_call(message: str, call: MappingOf[Any, Any], failed: MappingOf[Any, Any], tree: Tree) -> Diagnostic:
    span = _span(failed, tree)
    argument, position = call.get("argument"), failed.get("at")
    if isinstance(argument, str) and isinstance(position, list):
        found = Tree(tree.code, [[*position, True]]).found([0, ["argument", -1, argument]])
        span = found.key
    return Diagnostic("TRC226", message, span, help=_lines(call.get("help")))


def _label(said: Any, tree: Tree) -> Label:
    match said:
        case [place, str(text)]:
            return Label(tree.found(place).span, text)
        case _:
            raise Malformed


def _lines(said: Any) -> tuple[str, ...]:
    return tuple(one_line(str(line)) for line in _list(said))


def _list(said: Any) -> list[Any]:
    if not isinstance(said, list):
        raise Malformed
    return said


def _failed(failed: MappingOf[Any, Any], tree: Tree, context: Context, printed: str) -> Diagnostic:
    span, message = _span(failed, tree), str(failed.get("message", ""))
    help_lines = (*_within(failed.get("within"), context), *_printed(printed))
    match failed.get("kind"):
        case "memory":
            remedy = "leave data to the tasks: a pipeline's file only says what there is to do"
            return Diagnostic("TRC228", "the code ran out of memory here", span, help=(remedy, *help_lines))
        case "time":
            remedy = "a pipeline's file only says what there is to do: leave work to the tasks"
            return Diagnostic(
                "TRC228", "the code is still running here, and its time is over", span, help=(remedy, *help_lines)
            )
        case "exit":
            said = f", saying {message}" if message else ""
            remedy = "take the exit out of the file: its end is the end of the pipeline"
            return Diagnostic("TRC225", f"the code ends its process here{said}", span, help=(remedy, *help_lines))
        case _:
            kind = str(failed.get("type", "an error"))
            told = f"{kind}: {message}" if message else kind
            return Diagnostic("TRC225", f"the code fails here: {told}", span, help=help_lines)


def _span(failed: MappingOf[Any, Any], tree: Tree) -> Span:
    position = failed.get("at")
    return tree.code.file.span(0, 0) if position is None else tree.at(position)


def _within(place: Any, context: Context) -> tuple[str, ...]:
    """The line of another file that failed."""
    match place:
        case [str(path), int(line)]:
            project = str(context.project.resolve()) + os.sep
            shown = path.removeprefix(project)
            return (one_line(f'it fails in "{shown}", line {line}'),)
        case _:
            return ()


def _printed(text: str) -> tuple[str, ...]:
    """The last line that the code printed: often it says why."""
    lines = [line for line in text.splitlines() if line.strip()]
    return (one_line(f"the code printed: {lines[-1].strip()}"),) if lines else ()
