"""Plans in files: what a plan says, the choices that it was made with, and what it rests on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from trc.compiler.choices import Choices
from trc.runtime.errors import Stopped, stopped
from trc.runtime.plan import Plan

SAVED_VERSION: Final = 1
_FORMAT: Final = "trc saved plan"
_AGAIN: Final = "plan again with `trc plan PIPELINE -o FILE.trcplan`"

Basis = dict[str, dict[str, str | None]]
"""Facts by kind and name, each with what tells it from another one; None where there is none."""


class _Saved(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SavedChoices(_Saved):
    """What the plan was made with. `params_file` is as `SavedPlan.file` is; `environment` holds the variables that chose something."""

    backend: str | None
    target: str | None
    params: tuple[tuple[str, str], ...]
    params_file: str | None
    at: str | None
    environment: tuple[tuple[str, str], ...]
    select: tuple[str, ...]
    exclude: tuple[str, ...]
    force: bool
    optimise: bool | None


class SavedPlan(_Saved):
    """The document. `project` is absolute, or relative to the document's folder where that lies in the project.

    `file`, the pipeline's, is relative to the project, and so are all names of files in `rests_on` and `reads`
    (paths and patterns that tasks read), as far as they lie in it.
    """

    format: Literal["trc saved plan"]
    version: Literal[1]
    trc: str
    made_at: str
    project: str
    file: str
    choices: SavedChoices
    reads: tuple[str, ...]
    rests_on: Basis
    plan: dict[str, Any]

    @property
    def said(self) -> Plan:
        """The plan itself."""
        return Plan.from_json(self.plan)

    def to_text(self) -> str:
        """The document as it is written."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def saved_plan(document: Path, project: Path, **fields: Any) -> SavedPlan:
    """A plan that is to be written to `document`; `fields` are those of `SavedPlan` that this does not know itself."""
    folder = Path(os.path.abspath(document)).resolve().parent  # noqa: PTH100 - its folder may be a link, it is not yet there
    place = os.path.relpath(project, folder) if folder.is_relative_to(project) else str(project)
    return SavedPlan(format=_FORMAT, version=SAVED_VERSION, project=place, **fields)


def read_plan(document: Path) -> SavedPlan:
    """The plan in a file. Raises Stopped for what is none."""
    raw = _read(document)
    if not isinstance(raw, Mapping) or raw.get("format") != _FORMAT:
        raise _refused(document, "it is JSON, but no saved plan")
    if raw.get("version") != SAVED_VERSION:
        told = f"its format has the version {raw.get('version')!r}, and this trc reads {SAVED_VERSION}"
        raise _refused(document, told)
    try:
        found = SavedPlan.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _refused(document, f'"{place}" is not as trc writes it') from error
    try:
        _ = found.said
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(document, '"plan" is not as trc writes it') from error
    return found


def project_of_plan(saved: SavedPlan, document: Path) -> Path:
    """The folder of the project that a plan in a file is of."""
    folder = document.resolve().parent
    return Path(os.path.normpath(folder / saved.project))


def file_of_plan(saved: SavedPlan, document: Path, name: str) -> Path:
    """The file that a plan calls by a name relative to its project."""
    return (project_of_plan(saved, document) / name).resolve()


def pipeline_of_plan(saved: SavedPlan, document: Path) -> Path:
    """The pipeline's file, as a user would write it from here. Raises Stopped where it is gone."""
    path = near(project_of_plan(saved, document) / saved.file)
    if not path.is_file():
        raise _refused(
            document,
            f'its pipeline is gone, there is no file "{path}"',
            "put the pipeline back where it was, or plan again with `trc plan PIPELINE -o FILE.trcplan`",
        )
    return path


def near(path: Path) -> Path:
    """The path as a user would write it from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def choices_of(saved: SavedPlan, project: Path) -> Choices:
    """The choices that a plan was made with."""
    made = saved.choices
    file = None if made.params_file is None else project / made.params_file
    return Choices(made.backend, made.target, made.params, file, made.at, made.environment)


def _read(document: Path) -> Any:
    try:
        return json.loads(document.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _refused(document, "there is no such file") from error
    except OSError as error:
        raise _refused(document, (error.strerror or str(error)).lower()) from error
    except UnicodeDecodeError as error:
        raise _refused(document, "it is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        is_cut = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
        what = "it ends too early" if is_cut else f"it is not JSON (line {error.lineno}, column {error.colno})"
        raise _refused(document, what) from error
    except (RecursionError, ValueError) as error:
        raise _refused(document, "it is not JSON that trc has written") from error


def _refused(document: Path, why: str, remedy: str = _AGAIN) -> Stopped:
    return stopped("TRC634", f'the saved plan "{document}" cannot be used: {why}', remedy, exit_code=2)
