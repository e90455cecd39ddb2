"""All that the YAML format can say, said in Python."""

from datetime import date, timedelta
from pathlib import Path

from trc import (
    BaseTask,
    Breaker,
    Concurrency,
    Dedupe,
    Environment,
    Expectation,
    Incremental,
    Pipeline,
    RetryPolicy,
    TaskContext,
    accepted_values,
    check,
    cron,
    csv,
    file,
    freshness,
    json,
    not_null,
    parquet,
    relationships,
    row_count,
    secret,
    shell,
    sql,
    unique,
    webhook,
    work_of,
)

p = Pipeline(
    "everything",
    "All of it",
    cron("0 2 * * *", timezone="Europe/Paris"),
    retry=RetryPolicy(
        3,
        backoff="exponential",
        initial="1s",
        factor=2,
        max="1m",
        jitter="full",
        errors={"timeout": 5, 3: 4},
        retry_on=[137],
    ),
    environment=Environment(
        python="3.12", requirements=["pandas==2.1.4"], variables={"TZ": "UTC", "TOKEN": secret("aws-ssm:/shop/token")}
    ),
    memory="2Gi",
    tags=["nightly"],
    metadata={"tenant": "acme", "since": date(2026, 1, 31)},
    on_failure=webhook("https://ops.example.com/hook"),
    deadline="6h",
    retry_budget=20,
)
p.defaults(on_retry=[webhook("https://ops.example.com/a"), webhook("https://ops.example.com/b")])
day = p.param("day", "date", "2026-01-31", "The day")
p.param("limit", type="integer", default=10)
orders = p.source("orders", csv("data/*.csv"), columns={"id": "bigint", "amount": "double", "day": "date"})
raw = p.source("raw", "data/raw.json")
regions = p.source("regions", parquet("data/regions.parquet"))
p.target("prod", "ecs", state="s3://shop/trc", params={"limit": 20}, ecs={"cluster": "etl"})

clean = p.sql(
    "clean",
    f"select id, amount, day from orders where amount > 0 -- {day}",
    timeout="10m",
    heartbeat_timeout=60,
    idempotent=False,
    incremental=Incremental(strategy="checksum", max_age="1h", checksum_fields=["tenant"], dependency_check=True),
    columns={"id": "bigint", "amount": "double", "day": "date"},
    expect=[
        not_null("id"),
        unique(["id", "amount"]),
        check("amount > 0", severity="warn"),
        Expectation("row_count", 3),
        relationships("id", orders, severity="warn", store_failures=True),
        accepted_values("id", [1, 2]),
        row_count(1, max=9),
        freshness("day", "25h"),
    ],
)
totals = p.add("totals", sql("select sum(amount) as total from clean", output=csv("out/totals.csv")), incremental=False)
p.sql("by_region", "select * from clean", json("out/{{ item }}.json"), for_each=["eu", 1, None], when="true")
p.sql("by_row", "select 1 as one", for_each=regions.rows, timeout=timedelta(hours=2), optimise=False)
p.sql(
    "limited",
    "select * from clean",
    output="out/limited.parquet",
    concurrency=Concurrency(3, type="duckdb_sql", fields=["tenant"]),
    dedupe=[Dedupe("pending", fields=["tenant"])],
    breaker=Breaker("crm", 3, window="2m", rest=30),
    deadline="2h",
    cpu=1.5,
    gpu=1,
    resources={"licence": 2},
    node_labels={"zone": "on-premise"},
    on_success=webhook("https://ops.example.com/done"),
)


@p.task(
    inputs=[totals, "data/extra.bin"],
    files=["templates/*.txt"],
    output=file("out/page.md"),
    args={"n": 3, "pins": [secret("env:PIN")]},
)
def page(context: TaskContext) -> None:
    Path(context.output.path).write_text(Path(context.inputs["totals"].path).read_text())


@p.task
def audit(context: TaskContext) -> None:
    assert context.args == {}


class Score(BaseTask):
    def execute(self, context: TaskContext) -> None:
        assert context.inputs


scores = p.add_task(Score, requires={"rows": clean}, provides=["good", "bad"], name="score")
p.sql("best", "select * from good", reads={"good": scores["good"]})
p.add_task(sql("select * from bad"), provides="worst")
ping = p.add("ping", shell(["true", "--x"]), inputs={"page": page}, outputs={"log": file("out/log.txt"), "rows": csv()})
p.add("notify", shell("true"), needs=[audit.completed, "ping"])
p.add("fetch", work_of("download_to_s3", url="https://example.com/a.csv", s3_uri="s3://shop/a.csv"))
p.task_of("fetch_again", "download_to_s3", url="https://example.com/a.csv", s3_uri="s3://shop/b.csv")
audit >> [ping, totals]
p.test(
    "sums",
    given={orders: [{"id": 1, "amount": 2.5}]},
    expect={"totals": [{"total": 2.5}]},
    params={"limit": 1},
    values={"ping": {"limit": 1}},
)
