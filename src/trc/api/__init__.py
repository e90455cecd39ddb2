"""The use cases of trc, for whoever tells people of them: nothing here prints.

Each is loaded when it is first asked for: what is recorded of runs is told without a compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from trc.checking import CheckReport, check, pipeline_files

if TYPE_CHECKING:
    from trc.api.columns import ColumnReport, DatasetReport, column_of, dataset_lineage, schema
    from trc.api.compiling import Compilation, compile_file, emit, load
    from trc.api.differing import diff
    from trc.api.extras import require_extra
    from trc.api.pictures import graph, graph_json
    from trc.api.preparing import prepare
    from trc.api.ready import Ready
    from trc.api.recorded import AttemptLog, Explanation, RunStatus, explain_task, logs, runs, status
    from trc.api.reporting import RunAccount, TaskAccount, run_account
    from trc.api.running import PlanReport, RunReport, plan, run, runner_of, tail
    from trc.api.tracing import AssetLineage, RunLineage, TaskLineage, asset_lineage, run_lineage

__all__ = [
    "AssetLineage",
    "AttemptLog",
    "CheckReport",
    "ColumnReport",
    "Compilation",
    "DatasetReport",
    "Explanation",
    "PlanReport",
    "Ready",
    "RunAccount",
    "RunLineage",
    "RunReport",
    "RunStatus",
    "TaskAccount",
    "TaskLineage",
    "asset_lineage",
    "check",
    "column_of",
    "compile_file",
    "dataset_lineage",
    "diff",
    "emit",
    "explain_task",
    "graph",
    "graph_json",
    "load",
    "logs",
    "pipeline_files",
    "plan",
    "prepare",
    "require_extra",
    "run",
    "run_account",
    "run_lineage",
    "runner_of",
    "runs",
    "schema",
    "status",
    "tail",
]

_IN: Final = {
    "columns": ("ColumnReport", "DatasetReport", "column_of", "dataset_lineage", "schema"),
    "compiling": ("Compilation", "compile_file", "emit", "load"),
    "differing": ("diff",),
    "extras": ("require_extra",),
    "pictures": ("graph", "graph_json"),
    "preparing": ("prepare",),
    "ready": ("Ready",),
    "recorded": ("AttemptLog", "Explanation", "RunStatus", "explain_task", "logs", "runs", "status"),
    "reporting": ("RunAccount", "TaskAccount", "run_account"),
    "running": ("PlanReport", "RunReport", "plan", "run", "runner_of", "tail"),
    "tracing": ("AssetLineage", "RunLineage", "TaskLineage", "asset_lineage", "run_lineage"),
}
_MODULES: Final = {name: module for module, names in _IN.items() for name in names}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"trc.api.{_MODULES[name]}"), name)
        globals()[name] = found
        return found
