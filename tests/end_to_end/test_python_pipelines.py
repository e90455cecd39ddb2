"""Pipelines in Python through the real command: run, skipped, and never answered for from memory."""

from __future__ import annotations

from tests.end_to_end.conftest import Space

SHOP = """
    from trc import BaseTask, CompositeTask, Pipeline, csv, file

    p = Pipeline("shop")
    orders = p.source("orders", csv("orders.csv"))


    class Load(CompositeTask):
        requires = ("rows",)
        provides = ("clean",)

        def compose(self):
            self.sql("stage", "select * from Rows where amount > 0")
            self.sql("clean", "select id, amount from stage")


    p.add("paid", Load(), requires={"rows": orders})
    total = p.sql("total", "select sum(amount) as total from paid", output=csv("out/total.csv"))


    class Double(BaseTask):
        def execute(self, context):
            with open(context.inputs["total"].path) as rows, open(context.output.path, "w") as out:
                out.write(rows.read() * context.args["times"])


    p.add_task(Double(), requires=["total"], name="double", args={"times": 2}, output=file("out/double.txt"))


    @p.task(inputs={"doubled": "double"}, output=file("out/page.md"))
    def page(context):
        with open(context.output.path, "w") as out:
            out.write(context.inputs["doubled"].path.rpartition("/")[2])
"""


def states(space: Space, *arguments: str) -> dict[str, str]:
    report = space.trc("run", "shop.py", "--json", *arguments).json
    return {task["task"]: task["state"] for task in report["tasks"]}


def test_pipeline_with_the_code_of_its_tasks_in_one_file_runs(space: Space) -> None:
    space.write("orders.csv", "id,amount\n1,2.5\n2,-1\n3,4\n")
    space.write("shop.py", SHOP)
    assert states(space) == dict.fromkeys(["paid__stage", "paid", "total", "double", "page"], "success")
    assert space.read("out/total.csv") == "total\n6.5\n"
    assert space.read("out/double.txt") == "total\n6.5\n" * 2
    assert space.read("out/page.md") == "double.txt"
    assert set(states(space).values()) == {"skipped"}
    space.write("orders.csv", "id,amount\n1,2.5\n2,-1\n3,5\n")
    assert set(states(space).values()) == {"success"}


def test_what_the_file_reads_counts_in_each_run(space: Space) -> None:
    """Nobody knows what code looks at, so no answer about it may be kept: neither the spec nor "nothing to do"."""
    space.write("limit.txt", "1")
    space.write(
        "shop.py",
        """
        from pathlib import Path
        from trc import Pipeline, csv

        p = Pipeline("shop")
        p.sql("rows", f"select * from range({Path('limit.txt').read_text()}) as t(n)", output=csv("out/rows.csv"))
        """,
    )
    space.write("p.yaml", "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as one}}]\n")
    assert states(space) == {"rows": "success"}
    for _ in range(30):  # until files of this age can be trusted: then a pipeline in YAML is answered for
        if "nothing to do" in space.trc("run", "p.yaml").out:
            break
    for _ in range(3):
        assert states(space) == {"rows": "skipped"}
    assert "nothing to do" not in space.trc("run", "shop.py").out
    space.write("limit.txt", "2")
    assert states(space) == {"rows": "success"}
    assert space.read("out/rows.csv") == "n\n0\n1\n"
    kept = [path.name for name in ("standing", "compiled") for path in space.root.glob(f".trc/{name}/*")]
    assert kept
    assert all(name.endswith("p.yaml") for name in kept)


def test_folder_stands_for_the_code_that_its_project_lists(space: Space) -> None:
    broken = "raise SystemExit('it was run')\n"
    space.write("pipelines/listed.py", "from trc import Pipeline\np = Pipeline('a')\np.sql('a', 'select 1 as one')\n")
    space.write("pipelines/other.py", broken)
    space.write("setup.py", broken)
    assert space.trc("check", ".").out == "0 files checked: no mistakes\n"
    space.write("trc.toml", 'pipelines = ["pipelines/l*.py"]\n')
    assert space.trc("check", ".").out == "1 file checked: no mistakes\n"
    assert space.trc("check", "pipelines").out == "1 file checked: no mistakes\n"
    assert "it was run" in space.trc("check", "setup.py", code=2).err
    space.write("trc.toml", 'pipelines = ["*.py"]\n')
    assert "it was run" in space.trc("check", ".", code=2).err
    for wrong in ('"pipelines/*.py"', '["/etc/*.py"]', '["../*.py"]', "[1]"):
        space.write("trc.toml", f"pipelines = {wrong}\n")
        assert "TRC111" in space.trc("check", ".", code=2).err


def test_fan_out_runs_each_item(space: Space) -> None:
    space.write(
        "shop.py",
        """
        from trc import Pipeline

        p = Pipeline("shop")
        regions = p.sql("regions", "select unnest(['eu', 'us']) as region")
        p.sql("per_region", "select $item as region", for_each=["eu", "us"])
        p.sql("per_row", "select 1 as one", for_each=regions.rows)
        """,
    )
    report = space.trc("run", "shop.py", "--json").json
    names = ["regions", "per_region", "per_region[eu]", "per_region[us]", "per_row", "per_row[eu]", "per_row[us]"]
    assert {one["task"]: one["state"] for one in report["tasks"]} == dict.fromkeys(names, "success")


def test_failed_query_is_shown_in_the_text_of_the_code(space: Space) -> None:
    space.write(
        "shop.py",
        '''
        from trc import Pipeline

        p = Pipeline("shop")
        p.sql(
            "wrong",
            """
            select 1 as one,
                   cast('x' || 1 as integer) as two
            """,
        )
        ''',
    )
    told = space.trc("run", "shop.py", code=1).err
    assert "shop.py:8:" in told
    assert "TRC601" in told
