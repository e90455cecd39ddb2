"""The compile side of `shell`: what a command reads is what its author says."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Any, Final

from pydantic import Field, field_validator

from trc.compiler.ir.dataset import UriRead
from trc.compiler.ir.uris import is_glob
from trc.compiler.tasktype import Declaration, Scope
from trc.stdlib_tasks.data_params import DataParams, declared_outputs, declared_reads


class ShellParams(DataParams):
    """Parameters of a command."""

    command: str | list[str] = Field(
        description="a text for /bin/sh, or a list: a program and its arguments, run without a shell",
        # A line for the shell finds what only a run knows in variables: nothing is put into its text.
        json_schema_extra={"runtime": "list"},
        examples=["gzip -c notes.txt > $TRC_OUTPUT_OUTPUT"],
    )

    @field_validator("command")
    @classmethod
    def _something_to_run(cls, value: str | list[str]) -> str | list[str]:
        program = value if isinstance(value, str) else value[0] if value else ""
        if not program.strip():
            raise ValueError("the command is empty; name a program")
        if "\0" in "".join(value):
            raise ValueError("a command cannot hold a NUL character")
        return value


class Shell:
    """A command. It finds its inputs and outputs in variables such as TRC_INPUT_ORDERS and TRC_OUTPUT_OUTPUT."""

    name = "shell"
    version = 1
    summary = "Runs a command, with its inputs and outputs in environment variables."
    params = ShellParams
    runs: str | None = "trc.stdlib_tasks.shell.run:run"
    requires: tuple[str, ...] = ()

    def declare(self, params: Any, scope: Scope) -> Declaration:
        """What the author says that the command reads and writes, and the scripts of the project that it names."""
        assert isinstance(params, ShellParams)
        reads, problems = declared_reads(params, scope)
        return Declaration(
            reads=(*reads, *_scripts(params.command, scope, {read.uri for read in reads if read.kind == "uri"})),
            outputs=declared_outputs(params),
            visibility=params.visibility,
            effect="none",
            idempotent=True,
            volatile="its command uses the run's time" if _uses_run_time(params.command) else None,
            diagnostics=problems,
        )


_SCRIPT_SUFFIXES: Final = (".sh", ".bash", ".py", ".pl", ".rb", ".r", ".js", ".awk", ".sed", ".sql", ".jq")


def _scripts(command: str | list[str], scope: Scope, known: Container[str]) -> Iterator[UriRead]:
    """The project's scripts among the words of a command: what they say is part of what the task does."""
    words = re.split(r"[\s;|&<>()'\"`]+", command) if isinstance(command, str) else command
    for word in dict.fromkeys(words):
        is_script = word.lower().endswith(_SCRIPT_SUFFIXES) and not is_glob(word)
        if is_script and word not in known and word in scope.list_files(word):
            yield UriRead(name=word, uri=word, format="file")


def _uses_run_time(command: str | list[str]) -> bool:
    return any("TRC_RUN_TIME" in part for part in ([command] if isinstance(command, str) else command))
