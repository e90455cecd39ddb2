"""The task side as it is sent elsewhere: one zip, the standard library, every Python that a task may have."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.pythons import interpreters, name_of

from trc.runtime.environments.bundle import task_side
from trc.runtime.taskside.order import OrderInput, OrderOutput, OrderSecret, TaskOrder
from trc.runtime.taskside.result import AttemptResult

INTERPRETERS = interpreters(9, 10, 11, 12, 13)

RUN = """
import sys
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.run import execute
order = TaskOrder.from_json(sys.stdin.read())
result = execute(order, lambda done, total: None)
sys.stdout.write(result.to_json())
"""


RUN_SEALED = """
import os, sys
from trc.runtime.taskside.logfilter import await_filter, start_filter
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.sealed import Sealed
out = os.dup(1)
process, control = start_filter(())
order = TaskOrder.from_json(sys.stdin.read())
sealed = Sealed(control, lambda: os._exit(9))
result = sealed.execute(order, lambda done, total: None, lambda: None)
del sealed
await_filter(process)
os.write(out, result.to_json().encode())
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "task.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in task_side().items():
            archive.writestr(name, content)
    return path


def python(interpreter: Path, bundle: Path, code: str, text: str = "") -> str:
    environ = {"PYTHONPATH": str(bundle), "PYTHONWARNINGS": "error", "LC_ALL": "C.UTF-8"}
    command = [str(interpreter), "-s", "-B", "-c", code]
    done = subprocess.run(command, input=text, env=environ, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=name_of)
def test_every_module_is_importable(interpreter: Path, bundle: Path) -> None:
    names = [name.removesuffix(".py").replace("/", ".") for name in task_side()]
    modules = [name.removesuffix(".__init__") for name in names]
    python(interpreter, bundle, f"import importlib\nfor name in {modules}: importlib.import_module(name)")


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=name_of)
def test_a_task_runs(interpreter: Path, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("é")
    (tmp_path / "tasks.py").write_text(
        "from trc import BaseTask, TaskResult\n"
        "class Copy(BaseTask):\n"
        "    def execute(self, context):\n"
        "        with open(context.inputs['source'].path) as source, open(context.output.path, 'w') as target:\n"
        "            print(target.write(source.read() * context.args['times']))\n"
        "        return TaskResult(rows={'output': 1}, values={'ok': True})\n"
    )
    order = TaskOrder(
        run="r",
        pipeline="p",
        task="copy",
        attempt=1,
        token="copy/1",
        runs="trc.stdlib_tasks.python.run:run",
        project=str(tmp_path),
        log=str(tmp_path / "log"),
        run_time="2026-01-01T00:00:00+00:00",
        idempotency_key="k",
        params={"entrypoint": "tasks.py:Copy", "args": {"times": 3}},
        inputs=(OrderInput("source", "file", (str(tmp_path / "in.txt"),)),),
        outputs=(OrderOutput("output", "file", str(tmp_path / "out.txt")),),
        env={"DECLARED": "1"},
    )
    result = AttemptResult.from_json(python(interpreter, bundle, RUN, order.to_json()))
    assert result.failure is None, result.failure
    assert (tmp_path / "out.txt").read_text() == "ééé"
    assert (tmp_path / "log").read_text() == "3\n"
    assert (result.values, result.outputs[0].rows, result.outputs[0].size) == ({"ok": True}, 1, 6)


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=name_of)
def test_a_task_with_secrets_runs(interpreter: Path, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        "import os\n"
        "def tell(context):\n"
        "    print(os.environ['TOKEN'], context.args['token'])\n"
        "    return {'told': context.args['token'], 'length': len(context.args['token'])}\n"
    )
    order = TaskOrder(
        run="r",
        pipeline="p",
        task="tell",
        attempt=1,
        token="tell/1",
        runs="trc.stdlib_tasks.python.run:run",
        project=str(tmp_path),
        log=str(tmp_path / "log"),
        run_time="2026-01-01T00:00:00+00:00",
        idempotency_key="k",
        params={"entrypoint": "tasks.py:tell", "args": {"token": {"secret": "env:TOKEN"}}},
        secrets=(OrderSecret("env:TOKEN", "pässword", (("params", "args", "token"), ("env", "TOKEN"))),),
    )
    result = AttemptResult.from_json(python(interpreter, bundle, RUN_SEALED, order.to_json()))
    assert result.failure is None, result.failure
    assert result.values == {"told": "***", "length": 8}
    assert (tmp_path / "log").read_text() == "*** ***\n"


API = """
from __future__ import annotations
import asyncio, datetime
from dataclasses import dataclass
from pathlib import Path
from trc import BaseTask, PermanentError, TaskResult, TemporaryError, run_task, task

class Score(BaseTask):
    class Params:
        limit: int | None
        day: datetime.date = datetime.date(2026, 1, 1)
    def execute(self) -> TaskResult:
        self.logger.info("%s", self.params.day)
        self.heartbeat()
        self.save_output([{"limit": self.params.limit}])
        self.complete({"ok": True}, "fine")

@dataclass
class Point:
    x: int
    name: str | None = None

@task
async def mapped(rows: list[dict], note: Path, point: Point, *, many: list[int | str] = ()) -> list:
    await asyncio.sleep(0)
    note.write_text(str(point) + str(many))
    return {"output": rows}

done = run_task(Score, limit=3, day="2026-02-01", outputs="csv")
assert done.failure is None, done.failure
assert (done.output.read_text(), done.log, done.result.data) == ("limit\\n3\\n", "INFO 2026-02-01\\n", {"ok": True})
assert run_task(Score, limit="3").failure.reason == "params"
both = run_task(mapped, point={"x": 1}, many=[1, "a"], inputs={"rows": [{"a": 1}]}, outputs={"output": "json", "note": "file"})
assert both.failure is None, both.failure
assert both.outputs["note"].read_text() == "Point(x=1, name=None)[1, 'a']"
assert both.outputs["output"].read_rows() == [{"a": 1}]
"""


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=name_of)
def test_tasks_say_what_they_want(interpreter: Path, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text(API)
    python(interpreter, bundle, f"import runpy; runpy.run_path({str(tmp_path / 'api.py')!r})")


def test_an_order_with_secrets_is_not_run_unmasked(bundle: Path) -> None:
    order = TaskOrder(
        "r", "p", "t", 1, "t/1", "m:f", "/", "/nowhere", "", "", secrets=(OrderSecret("env:A", "abcd", ()),)
    )
    code = RUN.replace("result =", "try: result =").replace("None)", "None)\nexcept ValueError as error: print(error)")
    assert python(INTERPRETERS[0], bundle, code.rpartition("sys.stdout")[0], order.to_json()) == (
        "an order with secrets is run sealed\n"
    )


def test_another_name_of_trc_is_refused_with_a_sentence(bundle: Path) -> None:
    code = "import trc\ntry: trc.Planner\nexcept AttributeError as error: print(error)"
    assert python(INTERPRETERS[0], bundle, code).startswith("trc has no 'Planner'; there are: BaseTask, ")


def test_a_worker_loads_nothing_of_the_compiler() -> None:
    code = "import json, sys; import trc.runtime.taskside.guardian; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    ours = {name for name in loaded if name.startswith("trc.") and not name.startswith("trc.runtime.taskside")}
    assert ours == {"trc.runtime"}
    assert not {"pydantic", "click", "duckdb", "subprocess", "asyncio"} & set(loaded)


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=name_of)
def test_file_of_a_pipeline_with_its_tasks_is_importable(interpreter: Path, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from trc import BaseTask, CompositeTask, Environment, Pipeline, RetryPolicy, csv, not_null, sql, task\n"
        "p = Pipeline('shop', retry=RetryPolicy(attempts=3), environment=Environment(python='3.9'))\n"
        "orders = p.source('orders', csv('orders.csv'))\n"
        "paid = p.add('paid', sql('select * from orders'), expect=[not_null('id')], tags=['a'])\n"
        "class Load(CompositeTask):\n"
        "    def compose(self): self.sql('stage', 'select 1 as one')\n"
        "p.add('load', Load()) >> paid\n"
        "@p.task(inputs=[paid])\n"
        "def page(context):\n"
        "    print('page of', context.task)\n"
    )
    order = TaskOrder(
        run="r",
        pipeline="p",
        task="page",
        attempt=1,
        token="page/1",
        runs="trc.stdlib_tasks.python.run:run",
        project=str(tmp_path),
        log=str(tmp_path / "log"),
        run_time="2026-01-01T00:00:00+00:00",
        idempotency_key="k",
        params={"entrypoint": "shop.py:page"},
    )
    result = AttemptResult.from_json(python(interpreter, bundle, RUN, order.to_json()))
    assert result.failure is None, result.failure
    assert (tmp_path / "log").read_text() == "page of page\n"
