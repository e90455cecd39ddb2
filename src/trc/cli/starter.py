"""The project that `trc init` writes, in either language: a pipeline of three tasks over a small CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Language = Literal["trc", "yaml"]

_PROJECT = """\
# Marks the project's folder: relative paths in its pipelines start here.
# [local]
# workers = 4        # how many tasks run at a time; by default as many as there are cores
"""

_IN_TRC = """\
pipeline "shop" {
  description = "Revenue per customer, and a page about it"
}

source orders = csv("data/orders.csv")

# SQL reads sources and other tasks by name: that is the dependency.
task paid = sql $$
  select order_id, customer, ordered_on, amount
  from orders
  where status = 'paid'
$$

# A task with an output of its own writes a file that others may read; without one, trc keeps it.
task revenue = sql $$
  select
    customer,
    count(*) as orders,
    round(sum(amount), 2) as revenue
  from paid
  group by customer
  order by revenue desc, customer
$$ {
  output = csv("out/revenue.csv")
}

# Python is for what SQL is not made for.
task page = python("tasks/page.py:page") {
  input = revenue
  output = file("out/page.md")
}

# `trc test` runs the queries on these rows alone.
test "only paid orders count" {
  given orders = [
    { order_id = 1, customer = "ada", status = "paid", amount = 10 },
    { order_id = 2, customer = "ada", status = "open", amount = 5 },
  ]
  expect revenue = [{ customer = "ada", orders = 1, revenue = 10 }]
}
"""

_IN_YAML = """\
name: shop
description: Revenue per customer, and a page about it

sources:
  orders: {csv: data/orders.csv}

nodes:
  # SQL reads sources and other tasks by name: that is the dependency.
  - id: paid
    type: duckdb_sql
    params:
      sql: |
        select order_id, customer, ordered_on, amount
        from orders
        where status = 'paid'

  # A task with a location writes a file that others may read; without one, trc keeps it.
  - id: revenue
    type: duckdb_sql
    params:
      sql: |
        select
          customer,
          count(*) as orders,
          round(sum(amount), 2) as revenue
        from paid
        group by customer
        order by revenue desc, customer
      output_uri: out/revenue.csv

  # Python is for what SQL is not made for.
  - id: page
    type: python
    params:
      entrypoint: tasks/page.py:page
      inputs: [revenue]
      output_uri: out/page.md

# `trc test` runs the queries on these rows alone.
tests:
  - name: only paid orders count
    given:
      orders:
        - {order_id: 1, customer: ada, status: paid, amount: 10}
        - {order_id: 2, customer: ada, status: open, amount: 5}
    expect:
      revenue: [{customer: ada, orders: 1, revenue: 10}]
"""

_TASK = '''\
"""Writes a page about the revenue."""

import csv

from trc import TaskContext, task


@task
def page(context: TaskContext):
    with open(context.inputs["revenue"].path, newline="") as file:
        rows = list(csv.DictReader(file))
    with open(context.output.path, "w") as file:
        file.write("# Revenue\\n\\n")
        for row in rows:
            file.write(f"- {row['customer']}: {float(row['revenue']):.2f} (orders: {row['orders']})\\n")
    print(f"wrote {len(rows)} customers")
    return {"customers": len(rows)}
'''

_ORDERS = """\
order_id,customer,ordered_on,status,amount
1,ada,2026-01-05,paid,120.50
2,grace,2026-01-05,paid,80.00
3,ada,2026-01-06,returned,15.25
4,linus,2026-01-07,paid,42.90
5,grace,2026-01-07,paid,310.00
6,ada,2026-01-09,paid,9.99
7,barbara,2026-01-10,open,64.00
8,barbara,2026-01-11,paid,28.40
"""

_IGNORED = """\
/.trc/
/build/
/out/
__pycache__/
"""

_PIPELINES: Final[Mapping[Language, str]] = {"trc": _IN_TRC, "yaml": _IN_YAML}


def pipeline_of(language: Language) -> str:
    """The name of the pipeline's file."""
    return f"shop.{language}"


def files_of(language: Language) -> Mapping[str, str]:
    """What is written, by path."""
    return {
        "trc.toml": _PROJECT,
        pipeline_of(language): _PIPELINES[language],
        "data/orders.csv": _ORDERS,
        "tasks/page.py": _TASK,
        ".gitignore": _IGNORED,
    }
