"""A composite: tasks that belong together, wired by the names of what they require and provide.

`trc run composite.py` runs it.
"""

from trc import BaseTask, CompositeTask, Pipeline, TaskContext, csv, file, sql

p = Pipeline("composite", description="Revenue in euros, by a composite that is used twice")

orders = p.source("orders", csv("data/orders.csv"))
rates = p.source("rates", csv("data/rates.csv"))


class Convert(CompositeTask):
    """Keeps the rows of one status, and adds their amounts in euros."""

    requires = ("rows", "rates")
    provides = ("converted",)

    def __init__(self, status: str) -> None:
        super().__init__()
        self.status = status

    def compose(self) -> None:
        self.add_task(sql(f"select * from rows where status = '{self.status}'"), provides="kept")
        self.add_task(
            sql("""
                select kept.*, amount * rate as euros
                from kept join rates using (currency)
            """),
            provides="converted",
        )


class Report(BaseTask):
    """Writes the revenue of each region as a line of text."""

    def execute(self, context: TaskContext) -> None:
        with open(context.inputs["revenue"].path) as rows, open(context.output.path, "w") as report:
            next(rows)
            for row in rows:
                region, euros = row.strip().split(",")
                report.write(f"{region:>6} {float(euros):10.2f}\n")


p.add_task(Convert("paid"), requires={"rows": orders, "rates": rates}, provides="sales", name="paid")
p.add_task(Convert("refunded"), requires={"rows": orders, "rates": rates}, provides="refunds", name="refunded")
p.sql(
    "revenue",
    """
    select region, sum(euros) as euros
    from (from sales union all from refunds)
    group by region
    order by region
    """,
    output=csv("out/revenue.csv"),
)
p.add_task(Report(), requires=["revenue"], name="report", output=file("out/report.txt"))
