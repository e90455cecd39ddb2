"""`trc verify`: a pipeline file in, the verdict on each of its sinks out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from trc.api import Compilation, Ready, load, runner_of
from trc.checking import moment_of
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.compile import Compiled
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.types import Known
from trc.runtime.errors import Stopped
from trc.runtime.running import Options, Outcome
from trc.runtime.spec import PipelineSpec
from trc.settings import settings_for, with_environment
from trc.verifying.made_up import MadeUp, make_up
from trc.verifying.sinks import comparing
from trc.verifying.verify import Columns, Verification
from trc.verifying.verify import verify as verify_spec


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows are made up for each source, and what they follow from."""

    count: int
    seed: int = 0


def verify(
    path: Path,
    choices: Choices = NO_CHOICES,
    *,
    exact: bool = False,
    workers: int | None = None,
    rows: Rows | None = None,
) -> tuple[Verification, Compilation]:
    """Runs a pipeline optimised and as it is written, in a place that is removed then, and compares what comes out.

    With `rows`, sources whose columns are known are not read, but made up; expectations do not count then. What the project has stored is neither used nor touched. Raises Stopped where a task changes things elsewhere.
    """
    settings, choices = settings_for(path, workers=workers), with_environment(choices)
    compilation = load(path, settings, choices, moment_of(choices.at))
    _refuse_effects(compilation)
    settled, queries = compilation.compiled.settled, compilation.queries
    assert settled is not None

    def run_in(spec: PipelineSpec, state: Path, optimise: bool) -> Outcome:
        ready = Ready(spec, queries, None, compilation.backend, settled.moment.isoformat())
        with runner_of(ready, replace(settings, state_folder=state), None) as runner:
            return runner.run(Options(new=True, optimise=optimise), ready.logical_time)

    columns = columns_of(compilation.compiled)
    with TemporaryDirectory(prefix="trc-verify-") as folder:
        place = Path(folder).resolve()
        made = None if rows is None else _made_up(compilation.spec, columns, place / "sources", rows)
        spec = compilation.spec if made is None else made.spec
        found = verify_spec(spec, queries, columns, run_in, place, exact=exact)
    return replace(found, made_up=made), compilation


def _made_up(spec: PipelineSpec, columns: Columns, folder: Path, rows: Rows) -> MadeUp:
    known = {name: found for (task, name), found in columns.items() if not task}
    with comparing() as connection:
        return make_up(spec, known, connection, folder, rows=rows.count, seed=rows.seed)


def columns_of(compiled: Compiled) -> Columns:
    """The columns of all outputs of which they are known."""
    return {
        key: tuple((one.name, one.type) for one in schema.columns)
        for key, schema in compiled.schemas.items()
        if isinstance(schema, Known)
    }


def _refuse_effects(compilation: Compilation) -> None:
    """Running a pipeline twice to compare it is nothing for tasks that change the world."""
    pipeline = compilation.compiled.pipeline
    assert pipeline is not None
    task = next((one for one in pipeline.tasks if one.effect == "external" or one.fills), None)
    if task is not None:
        span = compilation.compiled.places.span("tasks", task.name)
        told = Diagnostic(
            "TRC501",
            f'"{task.name}" changes things outside of the pipeline, and would do so twice',
            span,
            help=("verify a pipeline without it: what is before it can be a pipeline of its own",),
            task=task.name,
        )
        raise Stopped([told], 2, compilation.sources)
