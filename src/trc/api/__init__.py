"""The use cases of trc, for whoever tells people of them: nothing here prints.

Each is loaded when it is first asked for: what is recorded of runs is told without a compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from trc.checking import CheckReport, check, pipeline_files

if TYPE_CHECKING:
    from trc.api.building import BuildReport, build, build_own
    from trc.api.built import collect_environments, environments
    from trc.api.columns import ColumnReport, DatasetReport, column_of, dataset_lineage, schema
    from trc.api.compiling import Compilation, compile_file, emit, load
    from trc.api.dead import Letter, drop_letters, letter, letters, retry, runs_of_letters
    from trc.api.differing import diff
    from trc.api.examining import Health, doctor
    from trc.api.extras import require_extra
    from trc.api.following import LogPiece, follow_logs
    from trc.api.hooks import messages, replay_messages, shown_url
    from trc.api.locking import LockReport, lock, lock_differences
    from trc.api.moving import take_state, write_state
    from trc.api.pictures import graph, graph_json
    from trc.api.preparing import prepare
    from trc.api.ready import Ready
    from trc.api.recorded import AttemptLog, Explanation, RunStatus, explain_task, logs, runs, status
    from trc.api.reporting import RunAccount, TaskAccount, run_account
    from trc.api.running import PlanReport, RunReport, plan, run, runner_of
    from trc.api.saved import PlanStanding, SavedReport, file_of_plan, plan_standing, read_plan, run_plan, save_plan
    from trc.api.services import BreakerStatus, breakers, reset_breakers
    from trc.api.sparing import IncrementalSummary, incremental_summary
    from trc.api.tasktypes import TaskKind, task_kinds
    from trc.api.tidying import collect_garbage
    from trc.api.tracing import AssetLineage, RunLineage, TaskLineage, asset_lineage, run_lineage
    from trc.api.wishing import wish, wish_of_task

__all__ = [
    "AssetLineage",
    "AttemptLog",
    "BreakerStatus",
    "BuildReport",
    "CheckReport",
    "ColumnReport",
    "Compilation",
    "DatasetReport",
    "Explanation",
    "Health",
    "IncrementalSummary",
    "Letter",
    "LockReport",
    "LogPiece",
    "PlanReport",
    "PlanStanding",
    "Ready",
    "RunAccount",
    "RunLineage",
    "RunReport",
    "RunStatus",
    "SavedReport",
    "TaskAccount",
    "TaskKind",
    "TaskLineage",
    "asset_lineage",
    "breakers",
    "build",
    "build_own",
    "check",
    "collect_environments",
    "collect_garbage",
    "column_of",
    "compile_file",
    "dataset_lineage",
    "diff",
    "doctor",
    "drop_letters",
    "emit",
    "environments",
    "explain_task",
    "file_of_plan",
    "follow_logs",
    "graph",
    "graph_json",
    "incremental_summary",
    "letter",
    "letters",
    "load",
    "lock",
    "lock_differences",
    "logs",
    "messages",
    "pipeline_files",
    "plan",
    "plan_standing",
    "prepare",
    "read_plan",
    "replay_messages",
    "require_extra",
    "reset_breakers",
    "retry",
    "run",
    "run_account",
    "run_lineage",
    "run_plan",
    "runner_of",
    "runs",
    "runs_of_letters",
    "save_plan",
    "schema",
    "shown_url",
    "status",
    "take_state",
    "task_kinds",
    "wish",
    "wish_of_task",
    "write_state",
]

_IN: Final = {
    "services": ("BreakerStatus", "breakers", "reset_breakers"),
    "columns": ("ColumnReport", "DatasetReport", "column_of", "dataset_lineage", "schema"),
    "compiling": ("Compilation", "compile_file", "emit", "load"),
    "dead": ("Letter", "drop_letters", "letter", "letters", "retry", "runs_of_letters"),
    "differing": ("diff",),
    "building": ("BuildReport", "build", "build_own"),
    "built": ("collect_environments", "environments"),
    "examining": ("Health", "doctor"),
    "extras": ("require_extra",),
    "following": ("LogPiece", "follow_logs"),
    "moving": ("take_state", "write_state"),
    "hooks": ("messages", "replay_messages", "shown_url"),
    "locking": ("LockReport", "lock", "lock_differences"),
    "pictures": ("graph", "graph_json"),
    "preparing": ("prepare",),
    "ready": ("Ready",),
    "recorded": ("AttemptLog", "Explanation", "RunStatus", "explain_task", "logs", "runs", "status"),
    "running": ("PlanReport", "RunReport", "plan", "run", "runner_of"),
    "saved": ("PlanStanding", "SavedReport", "file_of_plan", "plan_standing", "read_plan", "run_plan", "save_plan"),
    "sparing": ("IncrementalSummary", "incremental_summary"),
    "tasktypes": ("TaskKind", "task_kinds"),
    "tidying": ("collect_garbage",),
    "wishing": ("wish", "wish_of_task"),
    "reporting": ("RunAccount", "TaskAccount", "run_account"),
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
