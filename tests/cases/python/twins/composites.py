"""Composites, one in another, and each of them more than once."""

from trc import BaseTask, CompositeTask, Pipeline, RetryPolicy, TaskContext, csv, file, parquet, shell, sql

p = Pipeline("composites")
eu = p.source("eu", csv("data/eu.csv"), columns={"id": "bigint"})
p.source("us", csv("data/us.csv"), columns={"id": "bigint"})


class Count(BaseTask):
    def execute(self, context: TaskContext) -> None:
        assert context.inputs


class Inner(CompositeTask):
    requires = "rows"
    provides = "kept"

    def compose(self) -> None:
        self.sql("first", "select * from rows")
        self.sql("kept", "select * from First where id > 0")


class Load(CompositeTask):
    requires = ("orders",)
    provides = ("clean", "count")

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def compose(self) -> None:
        stage = self.sql("stage", f"select * from orders limit {self.limit}")
        self.add("filtered", Inner(), requires={"rows": stage})
        self.sql("clean", "select * from filtered", retry=RetryPolicy(attempts=5))
        self.add_task(Count(), requires=["clean"], provides="count", needs=["filtered"])
        self.sql("apart", "select * from us")
        self.add("copy", shell("true"), inputs=["stage", "data/other.csv"])


begin = p.add("begin", sql("select 1 as one"))
load = p.add("load", Load(10), requires={"orders": eu}, retry=RetryPolicy(attempts=2))
again = p.add("again", Load(20), requires={"orders": "us"}, provides={"clean": "clean_us"}, needs=[begin])
single = CompositeTask(requires=["us"], provides=["done"])
single.sql("done", "select * from us")
one = p.add_task(single, name="single")
p.task_of("fetch", "s3_json_to_parquet_duckdb", src_glob="s3://abc/*.json", dst_uri=parquet("s3://abc/b.parquet"))
p.task_of("list", "shell", command="true", inputs={"rows": load["clean"], "us": "us"}, output_format="file")
p.sql("both", "select * from clean_us union all select * from load__clean union all select * from single")
p.sql("alias", "select * from mine", reads={"mine": load["clean"]})
end = p.add("end", Count, inputs={"counts": load["count"], "one": one}, output=file("out/end.txt"))
after = p.add("after", shell("true"))
end >> after
load.completed >> after
