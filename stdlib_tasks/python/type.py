"""The compile side of `python`: the code is read, never run."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata
from typing import Any

from pydantic import Field, JsonValue, field_validator

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.ir.task import CodeFile
from trc.compiler.pycode import Closure, closure
from trc.compiler.tasktype import Declaration, Scope
from trc.stdlib_tasks.data_params import DataParams, declared_outputs, declared_reads


class PythonParams(DataParams):
    """Parameters of a task in Python."""

    entrypoint: str = Field(
        description="the file and the class or function in it: path/to/file.py:Name", examples=["tasks/score.py:score"]
    )
    args: dict[str, JsonValue] = Field(
        default_factory=dict[str, JsonValue],
        description='values that the task finds in context.args; secrets among them, as {secret: "env:NAME"}',
        json_schema_extra={"runtime": True, "secrets": True},
    )

    @field_validator("entrypoint")
    @classmethod
    def _file_and_name(cls, value: str) -> str:
        if not re.fullmatch(r"[^:\s][^:]*\.py:[^\W\d]\w*", value):
            raise ValueError(f'"{value}" is not an entrypoint; write it like path/to/file.py:Name')
        return value


class Python:
    """A `BaseTask` subclass or a function of the project."""

    name = "python"
    version = 1
    summary = "Runs a class or a function of the project's own Python code."
    params = PythonParams
    runs: str | None = "trc.stdlib_tasks.python.run:run"
    requires: tuple[str, ...] = ()

    def declare(self, params: Any, scope: Scope) -> Declaration:
        """What the task says that it reads and writes, and the project's code that it brings in."""
        assert isinstance(params, PythonParams)
        path, _, name = params.entrypoint.rpartition(":")
        code = closure(path, scope.read_file)
        reads, problems = declared_reads(params, scope)
        return Declaration(
            reads=reads,
            outputs=declared_outputs(params),
            code=tuple(CodeFile(path=one.path, digest=one.digest) for one in code.files),
            engines=("python", *sorted({_distribution(module) for module in code.third_party})),
            visibility=params.visibility,
            effect="none",
            idempotent=True,
            volatile="its code uses the run's time" if code.uses_run_time else None,
            executor="async" if name in code.asynchronous else "process",
            diagnostics=(*problems, *_code_problems(code, path, name, scope)),
        )


def _code_problems(code: Closure, path: str, name: str, scope: Scope) -> tuple[Diagnostic, ...]:
    span = scope.places.span(*scope.path, "params", "entrypoint")
    if code.problems:
        return tuple(
            Diagnostic(
                "TRC212",
                f'"{problem.path}", line {problem.line}, column {problem.column}: {problem.message}',
                span,
                help=("mend the Python code: the task cannot be loaded",),
                task=scope.task,
            )
            for problem in code.problems
        )
    if not code.files:
        remedy = ("paths are relative to the project's folder, and stay within it",)
        return (Diagnostic("TRC210", f'there is no file "{path}"', span, help=remedy, task=scope.task),)
    if name in code.names or code.can_define_more:
        return ()
    public = [one for one in code.names if not one.startswith("_")]
    label = f"it defines: {', '.join(public[:8])}" if public else "it defines nothing"
    message = f'"{path}" defines no "{name}"'
    return (Diagnostic("TRC212", message, span, label, help=did_you_mean(name, public), task=scope.task),)


@cache
def _distributions() -> dict[str, list[str]]:
    return {module: list(names) for module, names in metadata.packages_distributions().items()}


def _distribution(module: str) -> str:
    """The distribution that installs a module; the module's own name where none is installed."""
    return min(_distributions().get(module, [module]))
