"""Fan-out: one task for each item of a list, one for each row of a dataset, and what comes after all of them.

`trc check fan_out.py` checks it. A `for_each` is not run by this version; the loop is.
"""

from trc import Pipeline, csv, parquet

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
each = p.sql("by_region", "select $item as region", for_each=regions.rows)
each >> p.sql("all_regions", "select * from regions", output=parquet("out/regions.parquet"))
