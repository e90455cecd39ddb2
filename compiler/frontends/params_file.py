"""Reads a file of parameter values: YAML, JSON or TOML, as its suffix tells."""

from __future__ import annotations

from pathlib import Path

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends import toml
from trc.compiler.frontends.files import read
from trc.compiler.frontends.languages import parser_of
from trc.compiler.frontends.syntax import Mapping
from trc.compiler.source import SourceFile

_SUFFIXES = (".yaml", ".yml", ".json", ".toml")


def params_file(path: Path, collect: Collector, sources: dict[str, SourceFile]) -> Mapping | None:
    """The values by name, or None where they cannot be read; mistakes go to `collect`, the file to `sources`."""
    name, suffix = str(path), path.suffix.lower()
    if suffix not in _SUFFIXES:
        remedy = (f"end its name in {', '.join(_SUFFIXES)}",)
        collect.add(Diagnostic("TRC110", f'"{name}" is not a file of parameters by its name', help=remedy))
        return None
    file = read(path, name, collect)
    if file is None:
        return None
    sources[name] = file
    if suffix == ".toml":
        return toml.parse(file, collect)
    # JSON is YAML, but for the tabs that may stand between its tokens.
    text = file.text.replace("\t", " ") if suffix == ".json" else file.text
    tree = parser_of(".yaml")(SourceFile(name, text), collect)
    if tree is None or isinstance(tree, Mapping):
        return tree
    collect.add(
        Diagnostic(
            "TRC203", f'"{name}" holds no values by name', tree.span, help=("write lines such as day: 2026-01-31",)
        )
    )
    return None
