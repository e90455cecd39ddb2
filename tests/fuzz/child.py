"""Compiles what it is handed, in a process with little memory: one order a line on standard input, one answer a line."""

from __future__ import annotations

import base64
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from trc import api
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.render import human
from trc.compiler.diagnostics.render import json as as_json
from trc.compiler.frontends.convert import convert_tree
from trc.compiler.frontends.files import read
from trc.compiler.frontends.format import format_text, lay_out
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.says import says
from trc.compiler.frontends.syntax import Mapping
from trc.compiler.source import SourceFile
from trc.runtime.errors import Stopped
from trc.sqltexts import lay_out_sql, says_alike


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
    for line in sys.stdin:
        began = time.process_time()
        answer = answered(json.loads(line))
        sys.stdout.write(json.dumps({"wrong": answer, "seconds": time.process_time() - began}) + "\n")
        sys.stdout.flush()


def answered(order: dict[str, Any]) -> str:
    """What went wrong with the files of an order; nothing is how it should be."""
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        for name, content in order["files"].items():
            Path(name).write_bytes(base64.b64decode(content))
        compile_one(Path(order["pipeline"]), order["params_file"])
    except Exception:  # noqa: BLE001 - that is what is looked for
        return traceback.format_exc()
    else:
        return ""
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)


def compile_one(pipeline: Path, params_file: str | None) -> None:
    choices = Choices(at="2026-01-31", params_file=Path(params_file) if params_file else None)
    try:
        report = api.check([pipeline], choices)
        tell(report.diagnostics, report.sources)
    except Stopped as stop:
        tell(stop.diagnostics, stop.sources)
    reprint(pipeline)


def tell(diagnostics: Any, sources: Any) -> None:
    """Every mistake can be shown, and lies within its file."""
    found: tuple[Diagnostic, ...] = tuple(diagnostics)
    human.render(found, sources).encode()
    json.dumps(as_json.render(found, sources)).encode()
    for one in found:
        assert "\n" not in one.message, one
        file = sources.get(one.span.file) if one.span else None
        assert one.span is None or file is None or 0 <= one.span.start <= one.span.end <= len(file.text), one


def reprint(pipeline: Path) -> None:
    """What can be parsed can be laid out and said in the other language, and says the same then."""
    file = read(pipeline, str(pipeline), Collector())
    if file is None:
        return
    collect = Collector()
    tree = parse(file, collect)
    if not isinstance(tree, Mapping) or collect.has_errors:
        format_text(file, Collector())
        return
    after = formatted(file)
    again = parse(SourceFile(file.name, after), Collector())
    assert again is not None
    assert says(again) == says(tree), f"laid out, the file says something else:\n{after}"
    assert formatted(SourceFile(file.name, after)) == after, f"laid out again, the file differs:\n{after}"
    with_sql = formatted(lay_out_sql(SourceFile(file.name, after))[0])
    of_sql = parse(SourceFile(file.name, with_sql), Collector())
    assert of_sql is not None
    assert says_alike(says(of_sql), says(tree)), f"with its SQL laid out, the file says something else:\n{with_sql}"
    twice = formatted(lay_out_sql(SourceFile(file.name, with_sql))[0])
    assert twice == with_sql, f"with its SQL laid out again, the file differs:\n{with_sql}\n{twice}"
    for language in ("trc", "yaml"):
        convert_tree(file, tree, language)


def formatted(file: SourceFile) -> str:
    laid_out = lay_out(file, Collector())
    assert laid_out is not None
    assert not laid_out.left, f"{laid_out.left}:\n{file.text}"
    return laid_out.text


main()
