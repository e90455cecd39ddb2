"""Fan-out: one task for each item of a list, one for each row of a dataset, and what comes after all of them.

`trc run fan_out.py` runs each item by itself; who reads a repeated task reads what all of its items made.
"""

from trc import Pipeline, csv

p = Pipeline("fan-out")

orders = p.source("orders", csv("data/orders.csv"))

# A loop of Python makes tasks with names of their own.
currencies = [
    p.sql(f"in_{currency.lower()}", f"select * from orders where currency = '{currency}'")
    for currency in ("EUR", "USD", "JPY")
]
p.sql("counted", " union all ".join(f"select count(*) as rows from {task.name}" for task in currencies))

# The items are known when the pipeline is compiled.
p.sql("by_status", "select * from orders where status = $item", for_each=["paid", "refunded"])

# The items are the rows that another task finds.
regions = p.sql("regions", "select distinct region from orders")
p.sql(
    "by_region",
    "select region, count(*) as n from orders where region = $item_region group by all",
    for_each=regions.rows,
)
p.sql("all_regions", "select * from by_region order by region", output=csv("out/regions.csv"))
