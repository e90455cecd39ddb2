"""The shape of the project: its links, its wheel, its imports, and the pages that belong to its codes."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trc.compiler.diagnostics.codes import CODES

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("compiler", "backends", "runtime", "stdlib_tasks")
LINKS = {**{name: f"../../{name}" for name in FOLDERS}, "error_pages": "../../docs/errors"}
HEAVY = ("duckdb", "pydantic", "sqlite3", "yaml", "trc.api", "trc.compiler.ir", "trc.compiler.compile", "trc.backends")
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
REQUIREMENTS: dict[str, set[str]] = {
    name: {"duckdb"} for name in ("duckdb_sql", "s3_json_to_parquet_duckdb", "sql_extract", "sql_load")
}
"""What a task type's own side may import beside the standard library: inside a function, where it is used."""
ALL_MAY = ("trc.runtime.taskside", "trc.authoring", "trc.addresses", "trc.patterns")
SHARED = {
    "s3_json_to_parquet_duckdb": ("trc.stdlib_tasks.duckdb_sql.run",),
    "sql_extract": ("trc.stdlib_tasks.duckdb_sql.run", "trc.stdlib_tasks.sql_load.run"),
    "sql_load": ("trc.stdlib_tasks.duckdb_sql.run",),
}
"""The task side of another type that a type's own may go by."""
NOT_IN_PYTHON_39 = {"tomllib"}
VERSION = """
import sys, runpy
sys.argv = ["trc", "--version"]
try:
    runpy.run_module("trc", run_name="__main__")
except SystemExit as end:
    assert not end.code
"""


def product_modules() -> list[Path]:
    """Every module of the package, by its real path."""
    folders = [ROOT / name for name in FOLDERS] + [ROOT / "src"]
    links = {ROOT / "src" / "trc" / name for name in LINKS}
    return sorted(path for folder in folders for path in folder.rglob("*.py") if not links & set(path.parents))


def task_side_modules() -> list[Path]:
    """Every module that runs in a task's own environment."""
    packages = [ROOT / "runtime/__init__.py", ROOT / "stdlib_tasks/__init__.py", ROOT / "src/trc/__init__.py"]
    packages += [ROOT / "src/trc/addresses.py", ROOT / "src/trc/patterns.py"]
    types = ("*/__init__.py", "*/run.py", "*/run/**/*.py")
    own = [path for pattern in types for path in ROOT.glob(f"stdlib_tasks/{pattern}")]
    return [*packages, *own, *ROOT.glob("runtime/taskside/**/*.py"), *ROOT.glob("src/trc/authoring/*.py")]


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("name", LINKS)
def test_link_is_relative_and_resolves(name: str) -> None:
    link = ROOT / "src" / "trc" / name
    assert link.is_symlink()
    assert str(link.readlink()) == LINKS[name]
    assert link.resolve() == (ROOT / "src" / "trc" / LINKS[name]).resolve()
    assert link.is_dir()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """A wheel built from a copy of the checkout, so that nothing is left in it."""
    copy = tmp_path_factory.mktemp("checkout") / "trc"
    copy.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in (*FOLDERS, "src", "docs"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"]
    built = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return zipfile.Path(next((copy / "dist").glob("*.whl")))


def test_wheel_holds_every_module_and_data_file(wheel: zipfile.Path) -> None:
    held = set(wheel.root.namelist())
    wanted = {module_in_wheel(path) for path in product_modules()}
    for folder in FOLDERS:
        data = (
            path for path in (ROOT / folder).rglob("*") if path.suffix in {".sql", ".lark", ".html", ".css", ".yaml"}
        )
        wanted |= {module_in_wheel(path) for path in data}
    wanted |= {f"trc/error_pages/{path.name}" for path in (ROOT / "docs/errors").glob("*.md")}
    wanted.add("trc/py.typed")
    assert sorted(wanted - held) == []
    assert [name for name in held if name.endswith("entry_points.txt")]


def module_in_wheel(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return str(relative.relative_to("src")) if relative.parts[0] == "src" else f"trc/{relative}"


def test_every_diagnostic_code_has_one_page() -> None:
    pages = {path.stem for path in (ROOT / "docs/errors").glob("TRC*.md")}
    assert pages == {row.code for row in CODES}
    assert len({row.code for row in CODES}) == len(CODES)


@pytest.mark.parametrize("code", [row.code for row in CODES])
def test_page_of_a_code_says_what_it_is_about(code: str) -> None:
    text = (ROOT / "docs" / "errors" / f"{code}.md").read_text(encoding="utf-8")
    title = next(row.title for row in CODES if row.code == code)
    first = text.splitlines()[0]
    assert first.startswith("# ")
    assert code in first
    assert title in first
    assert len(text.splitlines()) > 3


@pytest.mark.parametrize("path", task_side_modules(), ids=short)
def test_task_side_needs_the_standard_library_alone(path: Path) -> None:
    own = path.relative_to(ROOT / "stdlib_tasks").parts[0] if "stdlib_tasks" in path.parts else ""
    for name, late in imports(path):
        top = name.partition(".")[0]
        own_side = (f"trc.stdlib_tasks.{own}.run", *SHARED.get(own, ()))
        fine = (
            (top in sys.stdlib_module_names and top not in NOT_IN_PYTHON_39)
            or name.startswith((*ALL_MAY, *own_side))
            or (name == "trc" and "authoring" in path.parts)
            or (late and top in REQUIREMENTS.get(own, set()))
        )
        assert fine, f"{short(path)} imports {name}"


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """The modules that a file imports when it runs, each with whether a function does it when called."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = within(tree, lambda node: isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for_types = within(tree, lambda node: isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{short(path)} imports relatively"
            yield node.module or "", node in late


def within(tree: ast.AST, is_wanted: Callable[[ast.AST], bool]) -> set[ast.AST]:
    """All nodes that lie in one of the wanted ones."""
    return {inner for node in ast.walk(tree) if is_wanted(node) for inner in ast.walk(node)}


@pytest.mark.parametrize(
    "code",
    [
        "import trc",
        "from trc import BaseTask, PermanentError, TaskContext, TaskResult, TemporaryError, task",
        VERSION,
    ],
    ids=["import", "task-author", "version"],
)
def test_starting_loads_nothing_heavy(code: str) -> None:
    report = "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert sorted(loaded & set(HEAVY)) == []


def test_no_module_has_a_vague_name() -> None:
    assert [short(path) for path in product_modules() if path.stem in VAGUE_NAMES] == []


@pytest.mark.parametrize("path", product_modules(), ids=short)
def test_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text.strip() and path.name == "__init__.py":
        return
    assert ast.get_docstring(ast.parse(text)) or path.name == "__main__.py"
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)


def test_import_contracts_name_every_part() -> None:
    """A part that no layer names would be free to import anything."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = {name for layer in contracts[0]["layers"] for name in re.split(r"[ |()]+", layer)}
    parts = {f"trc.{name}" for name in FOLDERS}
    assert parts <= layers
