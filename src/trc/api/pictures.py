"""Pictures of pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from trc.api.compiling import compiled_of, load, optimised
from trc.checking import moment_of
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.picture.dissolved import before_and_after
from trc.compiler.picture.dot import dot
from trc.compiler.picture.drawing import Drawing, draw
from trc.compiler.picture.html import html
from trc.compiler.picture.mermaid import mermaid
from trc.compiler.picture.svg import svg
from trc.settings import settings_for, with_environment

_PICTURES = {"mermaid": mermaid, "dot": dot, "svg": svg, "html": html}


def graph(
    path: Path,
    choices: Choices = NO_CHOICES,
    *,
    form: Literal["mermaid", "dot", "svg", "html"],
    optimised: bool = False,
) -> str:
    """The pipeline's picture in one of the forms; `optimised`: as it is written, and beside it as it runs."""
    return _PICTURES[form](_both(path, choices) if optimised else _drawing(path, choices))


def graph_json(path: Path, choices: Choices = NO_CHOICES, *, optimised: bool = False) -> dict[str, Any]:
    """The pipeline's nodes and edges."""
    return (_both(path, choices) if optimised else _drawing(path, choices)).to_json()


def _both(path: Path, choices: Choices) -> Drawing:
    settings, choices = settings_for(path), with_environment(choices)
    compilation = load(path, settings, choices, moment_of(choices.at))
    keepings = optimised(compilation, optimise=True).keepings
    return before_and_after(
        _drawing(path, choices),
        {name: keeping.shape for name, keeping in keepings.items()},
        {name: len(keeping.columns) for name, keeping in keepings.items()},
        {name: keeping.same_as for name, keeping in keepings.items() if keeping.same_as},
    )


def _drawing(path: Path, choices: Choices) -> Drawing:
    compiled = compiled_of(path, settings_for(path), with_environment(choices), moment_of(choices.at))
    assert compiled.pipeline is not None
    assert compiled.graph is not None
    return draw(compiled.pipeline, compiled.graph)
