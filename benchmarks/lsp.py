"""How soon `trc lsp` publishes diagnostics after a keystroke, in a project of 1,000 tasks in 100 files."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "trc" / "lsp"))

from client import Editor

FILES, TASKS, COLUMNS, KEYSTROKES, LIMIT = 100, 10, 20, 100, 200


def main() -> str:
    rows = [measured(suffix) for suffix in ("yaml", "trc")]
    return (
        f"## Editing: from a keystroke to its diagnostics\n\n{FILES * TASKS:,} tasks of {COLUMNS} columns in {FILES} files\n\n"
        "| files | keystrokes | median | p95 | longest | limit |\n| --- | --- | --- | --- | --- | --- |\n"
        + "".join(rows)
    )


def measured(suffix: str) -> str:
    """A row of figures for pipelines in one language."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "trc.toml").touch()
        for number in range(FILES):
            (project / f"p{number:03}.{suffix}").write_text(pipeline(number, suffix), encoding="utf-8")
        seen = keystrokes(project, suffix)
    median, late = statistics.median(seen), statistics.quantiles(seen, n=20)[-1]
    return f"| .{suffix} | {len(seen)} | {median:.0f} ms | {late:.0f} ms | {max(seen):.0f} ms | {LIMIT} ms |\n"


def pipeline(number: int, suffix: str) -> str:
    """A chain of queries over a source of 20 columns, each bound against the one before."""
    names = [f"column_{index}" for index in range(COLUMNS)]
    columns = ", ".join(f"{name}: double" for name in names)
    head = {
        "yaml": f"name: p{number:03}\nsources:\n  raw: {{csv: raw.csv, columns: {{{columns}}}}}\nnodes:\n",
        "trc": f'pipeline "p{number:03}" {{ }}\nsource raw = csv("raw.csv") {{ columns {{ {columns} }} }}\n',
    }
    return head[suffix] + "".join(_task(number, task, names, suffix) for task in range(TASKS))


def _task(number: int, task: int, names: list[str], suffix: str) -> str:
    listed = ",\n          ".join(f"t.{name} + {task} as {name}" for name in names)
    above = f"t{task - 1}" if task else "raw"
    sql = f"        select\n          {listed}\n        from {above} as t\n        where t.column_0 > 1\n"
    uri = f"out/p{number:03}_t{task}.parquet"
    if suffix == "trc":
        return f'task t{task} = sql $$\n{sql}$$ {{\n  output = parquet("{uri}")\n}}\n'
    return f"  - id: t{task}\n    type: duckdb_sql\n    params:\n      output_uri: {uri}\n      sql: |\n{sql}"


def keystrokes(project: Path, suffix: str) -> list[float]:
    """Milliseconds from each keystroke to its diagnostics, once all of the project is known."""
    editor = Editor(project)
    # A second pipeline of one name: told of as soon as the first is known too.
    name, text = f"twin.{suffix}", pipeline(FILES // 2, suffix)
    (project / name).write_text(text, encoding="utf-8")
    editor.open(name, text)
    while not editor.diagnostics(name):
        pass
    line = text[: text.index("column_0 > 1")].count("\n")
    column = len("        where t.column_0 > 1")
    seen: list[float] = []
    for count in range(KEYSTROKES):
        place = {"line": line, "character": column + count}
        began = time.perf_counter()
        version = editor.change(name, {"range": {"start": place, "end": place}, "text": "1"})
        editor.diagnostics(name, version)
        seen.append((time.perf_counter() - began) * 1000)
    editor.close()
    return seen


if __name__ == "__main__":
    print(main())
