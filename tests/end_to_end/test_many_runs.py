"""Many runs at the same time in one state: each comes to its end, and none loses what another has."""

from __future__ import annotations

from typing import Any

RUNS = 8
TASKS = 4


def test_runs_that_begin_at_once_all_succeed(space: Any) -> None:
    for run in range(RUNS):
        tasks = "".join(
            f'task t{number} = shell $$ echo {run}.{number} > "$TRC_OUTPUT_OUTPUT" $$ '
            f'{{ output = file("out/{run}.{number}.txt") }}\n'
            for number in range(TASKS)
        )
        space.write(f"p{run}.trc", f'pipeline "p{run}" {{ }}\n{tasks}')
    running = [space.start("run", f"p{run}.trc", "--workers", "2") for run in range(RUNS)]
    told = [run.communicate(timeout=120) for run in running]
    assert [run.returncode for run in running] == [0] * RUNS, told
    assert [space.read(f"out/{run}.{number}.txt") for run in range(RUNS) for number in range(TASKS)] == [
        f"{run}.{number}\n" for run in range(RUNS) for number in range(TASKS)
    ]
    assert {run["state"] for run in space.trc("runs", "--json").json["runs"]} == {"success"}
    assert "no run is unfinished" in space.trc("doctor").out


def test_runs_of_one_pipeline_come_one_after_the_other_where_they_write_one_location(space: Any) -> None:
    body = 'mkdir busy || exit 9; cat count > next; echo x >> next; cp next count; rmdir busy; cp count "$TRC_OUTPUT_OUTPUT"'
    space.write("count", "")
    space.write("p.trc", f'pipeline "p" {{ }}\ntask add = shell $$ {body} $$ {{ output = file("out/count.txt") }}\n')
    running = [space.start("run", "p.trc", "--new") for _ in range(RUNS // 2)]
    told = [run.communicate(timeout=120) for run in running]
    assert [run.returncode for run in running] == [0] * (RUNS // 2), told
    assert space.read("out/count.txt") == "x\n" * (RUNS // 2)
