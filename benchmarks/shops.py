"""Writes a project of many queries of 20 columns, in both languages, and the same queries for the peers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Literal

Language = Literal["trc", "yaml"]

ORDERS = """
order_id bigint, customer_id bigint, product_id bigint, store_id integer, ordered_at timestamp, shipped_at timestamp,
delivered_at timestamp, status varchar, channel varchar, currency varchar, quantity integer, unit_price decimal(12, 2),
discount decimal(12, 2), tax decimal(12, 2), shipping decimal(12, 2), coupon varchar, is_gift boolean, note varchar,
weight double, updated_at timestamp
"""
CUSTOMERS = """
customer_id bigint, first_name varchar, last_name varchar, email varchar, phone varchar, street varchar, city varchar,
region varchar, country varchar, postcode varchar, birthday date, joined_at timestamp, segment varchar, score double,
is_active boolean, referred_by bigint, balance decimal(12, 2), visits integer, language varchar, updated_at timestamp
"""
SOURCES = {"orders": ORDERS, "customers": CUSTOMERS}

# A pipeline in ten queries. Each says its pipeline's number, and so do the tasks' names: no two of a project are alike.
QUERIES = {
    "clean_orders": """\
select
  order_id, customer_id, product_id, store_id,
  ordered_at, cast(ordered_at as date) as ordered_on, date_trunc('month', ordered_at) as ordered_in,
  coalesce(shipped_at, ordered_at) as shipped_at, delivered_at,
  lower(trim(status)) as status, upper(channel) as channel, coalesce(currency, 'EUR') as currency,
  quantity, unit_price, coalesce(discount, 0) as discount, tax,
  quantity * unit_price as gross,
  quantity * unit_price - coalesce(discount, 0) + tax as net,
  case when is_gift then 'gift' when coupon is not null then 'coupon' else 'plain' end as kind,
  weight / 1000 as kilograms
from orders
where order_id > {number} and status not in ('draft', 'test') and ordered_at >= timestamp '2020-01-01'
""",
    "clean_customers": """\
select
  customer_id, trim(first_name) || ' ' || trim(last_name) as name, lower(email) as email,
  regexp_replace(phone, '[^0-9+]', '', 'g') as phone, street, city, coalesce(region, 'unknown') as region,
  upper(country) as country, postcode, birthday, joined_at, cast(joined_at as date) as joined_on,
  date_diff('year', birthday, joined_at::date) as age, segment, round(score, 2) as score, is_active,
  referred_by, balance, visits, language
from customers
where customer_id > {number} and email like '%@%'
qualify row_number() over (partition by customer_id order by updated_at desc) = 1
""",
    "sales": """\
select
  o.order_id, o.customer_id, o.product_id, o.store_id, o.ordered_at, o.ordered_on, o.ordered_in, o.status, o.channel,
  o.currency, o.quantity, o.gross, o.net, o.kind, c.name, c.region, c.country, c.segment, c.age,
  date_diff('day', c.joined_at, o.ordered_at) as days_a_customer
from clean_orders as o
join clean_customers as c on c.customer_id = o.customer_id and c.is_active
where o.net > {number} or o.status = 'returned'
""",
    "ranked": """\
select
  order_id, customer_id, product_id, ordered_on, region, country, segment, currency, net,
  row_number() over (partition by customer_id order by ordered_at, order_id) as order_number,
  lag(net) over (partition by customer_id order by ordered_at, order_id) as net_before,
  lead(ordered_on) over (partition by customer_id order by ordered_at, order_id) as ordered_next,
  sum(net) over (partition by customer_id order by ordered_at rows unbounded preceding) as net_so_far,
  avg(net) over (partition by region order by ordered_at rows between 30 preceding and current row) as region_average,
  rank() over (partition by country order by net desc) as country_rank,
  ntile(100) over (order by net) as percentile,
  count(*) over (partition by segment) as segment_orders,
  max(net) over (partition by product_id) as product_best,
  net / nullif(sum(net) over (partition by ordered_on), 0) as share_of_day,
  {number} as shop
from sales
""",
    "daily": """\
select
  ordered_on, region, country, currency,
  count(*) as orders, count(distinct customer_id) as customers, count(distinct product_id) as products,
  sum(quantity) as pieces, sum(gross) as gross, sum(net) as net, avg(net) as average_net, min(net) as least_net,
  max(net) as most_net, median(net) as median_net, quantile_cont(net, 0.95) as high_net, stddev(net) as spread,
  sum(net) filter (where kind = 'gift') as gifts, sum(net) filter (where channel = 'WEB') as web,
  count(*) filter (where status = 'returned') as returned, bool_or(age < 18) as has_minors
from sales
where ordered_on >= date '2021-01-01' + {number}
group by ordered_on, region, country, currency
having count(*) > 1
""",
    "by_customer": """\
with recent as (
  select customer_id, order_id, ordered_on, net, order_number, net_so_far
  from ranked
  where ordered_on > date '2024-01-01' and order_number > {number}
),
totals as (
  select
    customer_id, count(*) as orders, sum(net) as net, min(ordered_on) as first_on, max(ordered_on) as last_on,
    max(net_so_far) as ever, avg(net) as average
  from recent
  group by customer_id
)
select
  c.customer_id, c.name, c.email, c.city, c.region, c.country, c.joined_on, c.age, c.segment, c.score, c.balance,
  c.visits, t.orders, t.net, t.first_on, t.last_on, t.ever, t.average,
  t.last_on - t.first_on as days, t.net / nullif(t.orders, 0) as basket
from clean_customers as c
left join totals as t using (customer_id)
""",
    "segments": """\
select
  case when net > 1000 then 'high' when net > 100 then 'middle' when net > {number} then 'low' else 'none' end as class,
  segment, country, count(*) as customers, sum(orders) as orders, sum(net) as net, avg(basket) as basket,
  min(first_on) as first_on, max(last_on) as last_on, avg(days) as days, avg(age) as age, sum(balance) as balance,
  sum(visits) as visits, max(score) as best, min(score) as worst, corr(age, score) as related,
  arg_max(name, ever) as top_name, max(ever) as top_ever, count(distinct city) as cities,
  string_agg(distinct region, ', ' order by region) as regions
from by_customer
group by all
""",
    "trend": """\
with months as (
  select date_trunc('month', ordered_on) as month, country, currency, sum(orders) as orders, sum(customers) as customers,
    sum(net) as net, sum(gross) as gross, sum(pieces) as pieces, sum(returned) as returned
  from daily
  group by 1, 2, 3
)
select
  m.month, m.country, m.currency, m.orders, m.customers, m.net, m.gross, m.pieces, m.returned,
  lag(m.net) over w as net_before, m.net - lag(m.net) over w as change,
  (m.net / nullif(lag(m.net) over w, 0) - 1) * 100 as growth, sum(m.net) over w as net_so_far,
  avg(m.net) over (partition by m.country order by m.month rows 2 preceding) as smoothed,
  m.returned / nullif(m.orders, 0) as return_rate, m.net / nullif(m.orders, 0) as basket,
  m.pieces / nullif(m.orders, 0) as pieces_an_order, year(m.month) as year, quarter(m.month) as quarter,
  m.gross - m.net + {number} as deductions
from months as m
window w as (partition by m.country, m.currency order by m.month)
""",
    "late": """\
select
  o.order_id, o.customer_id, o.store_id, o.ordered_at, r.shipped_at, r.delivered_at, r.status, o.channel, o.net,
  o.name, o.region, o.country, r.coupon, r.note, r.shipping, r.weight,
  date_diff('hour', r.ordered_at, r.shipped_at) as hours_to_ship,
  date_diff('hour', r.shipped_at, coalesce(r.delivered_at, r.updated_at)) as hours_to_arrive,
  exists (select 1 from ranked as k where k.customer_id = o.customer_id and k.order_number > 5) as is_regular,
  (select max(s.net) from sales as s where s.product_id = o.product_id) as dearest
from sales as o
join orders as r on r.order_id = o.order_id
where r.delivered_at is null or r.delivered_at > r.shipped_at + interval 3 day + interval {number} hour
order by hours_to_arrive desc nulls last, o.order_id
""",
    "report": """\
select
  t.month, t.country, t.currency, t.orders, t.customers, t.net, t.gross, t.growth, t.smoothed, t.return_rate,
  s.class, s.segment, s.customers as class_customers, s.net as class_net, s.basket, s.top_name, s.regions,
  coalesce(l.late, 0) as late, coalesce(l.hours, 0) as hours, t.net * 100 / nullif(s.net, 0) as share
from trend as t
join segments as s on s.country = t.country
left join (
  select country, date_trunc('month', ordered_at) as month, count(*) as late, avg(hours_to_arrive) as hours
  from late
  where net > {number}
  group by all
) as l on l.country = t.country and l.month = t.month
union all
select month, country, currency, orders, customers, net, gross, growth, smoothed, return_rate,
  'all', 'all', customers, net, basket, null, country, 0, 0, 100
from trend
""",
}


def queries_of(number: int) -> dict[str, str]:
    """The queries of one pipeline by its tasks' names."""
    names = re.compile(rf"\b(from|join) ({'|'.join(QUERIES)})\b")
    return {
        f"{name}_{number}": names.sub(rf"\1 \2_{number}", sql.format(number=number)) for name, sql in QUERIES.items()
    }


def write_project(folder: Path, language: Language, files: int) -> Path:
    """A project of `files` pipelines, ten queries each."""
    folder.mkdir(parents=True)
    (folder / "trc.toml").touch()
    for number in range(files):
        (folder / f"p{number:04}.{language}").write_text(pipeline(number, language), encoding="utf-8")
    return folder


def pipeline(number: int, language: Language) -> str:
    queries = queries_of(number)
    if language == "trc":
        head = f'pipeline "p{number:04}" {{ description = "The figures of shop {number}" }}\n\n'
        return head + "\n".join([*map(_trc_source, SOURCES), *(_trc_task(number, *task) for task in queries.items())])
    head = f"name: p{number:04}\ndescription: The figures of shop {number}\nsources:\n"
    parts = [head, *map(_yaml_source, SOURCES), "nodes:\n", *(_yaml_task(number, *task) for task in queries.items())]
    return "".join(parts)


def one_pipeline(shops: int) -> str:
    """A single pipeline of ten tasks a shop, in `.trc`, of which the reports alone are written where others see them."""
    tasks = [_trc_task(number, *task) for number in range(shops) for task in queries_of(number).items()]
    kept = [task if task.startswith("task report_") else task.partition("$$ {")[0] + "$$\n" for task in tasks]
    return "\n".join(['pipeline "shops" { }\n', *map(_trc_source, SOURCES), *kept])


def _columns(source: str) -> Iterator[tuple[str, str]]:
    for column in re.split(r",\s+(?![^(]*\))", SOURCES[source].strip()):
        name, _, kind = column.partition(" ")
        yield name, kind


def _trc_source(name: str) -> str:
    columns = "".join(f"    {column}: {kind}\n" for column, kind in _columns(name))
    return f'source {name} = parquet("raw/{name}/*.parquet") {{\n  columns {{\n{columns}  }}\n}}\n'


def _yaml_source(name: str) -> str:
    columns = "".join(f'      {column}: "{kind}"\n' for column, kind in _columns(name))
    return f"  {name}:\n    parquet: raw/{name}/*.parquet\n    columns:\n{columns}"


def _output(number: int, name: str) -> str:
    return f"out/p{number:04}/{name}.parquet"


def _trc_task(number: int, name: str, sql: str) -> str:
    return f'task {name} = sql $$\n{indent(sql, "  ")}$$ {{\n  output = parquet("{_output(number, name)}")\n}}\n'


def _yaml_task(number: int, name: str, sql: str) -> str:
    head = (
        f"  - id: {name}\n    type: duckdb_sql\n    params:\n      output_uri: {_output(number, name)}\n      sql: |\n"
    )
    return head + indent(sql, " " * 8)


# Parses each query with sqlglot and binds it in DuckDB over empty tables: `python parse_and_bind.py`.
PARSE_AND_BIND = """\
import json

import duckdb
import sqlglot

with open("queries.json") as file:
    project = json.load(file)
database = duckdb.connect(":memory:")
for queries in project["pipelines"]:
    for name, columns in project["sources"].items():
        database.execute(f"create or replace table {name} ({columns})")
    for name, sql in queries.items():
        sqlglot.parse_one(sql, dialect="duckdb")
        columns = database.execute(f"describe {sql}").fetchall()
        listed = ", ".join(f'"{column[0]}" {column[1]}' for column in columns)
        database.execute(f"create or replace table {name} ({listed})")
"""


def write_parse_and_bind(folder: Path, files: int) -> Path:
    """The same queries for a script that parses and binds them, and does nothing else."""
    folder.mkdir(parents=True)
    pipelines = [queries_of(number) for number in range(files)]
    (folder / "queries.json").write_text(json.dumps({"sources": SOURCES, "pipelines": pipelines}), encoding="utf-8")
    (folder / "parse_and_bind.py").write_text(PARSE_AND_BIND)
    return folder


SQLBUILD = """\
name = "shops"
adapter = "duckdb"
default_target = "dev"

[connections.developer]
database = "shops.duckdb"

[defaults]
materialized = "table"

[targets.dev]
connection = "developer"
schema = "dev"
"""


def write_sqlbuild(folder: Path, files: int) -> Path:
    """The same queries as models of SQLBuild: one a file, as it has them, over sources declared once."""
    (folder / "sources").mkdir(parents=True)
    (folder / "sqlbuild_project.toml").write_text(SQLBUILD)
    (folder / "sources" / "raw.yml").write_text("sources:\n" + "".join(map(_sqlbuild_source, SOURCES)))
    for number in range(files):
        models = folder / "models" / f"p{number:04}"
        models.mkdir(parents=True)
        for name, sql in queries_of(number).items():
            (models / f"{name}.sql").write_text(sqlbuild_model(number, sql))
    return folder


def sqlbuild_model(number: int, sql: str) -> str:
    def reference(match: re.Match[str]) -> str:
        word, name = match.groups()
        if name in SOURCES:
            return f'{word} __source("{name}")'
        return f'{word} __ref("{name}")' if name.removesuffix(f"_{number}") in QUERIES else match[0]

    head = f'MODEL (\n  materialized table,\n  description "Of shop {number}",\n);\n\n'
    return head + re.sub(r"\b(from|join) (\w+)", reference, sql)


def _sqlbuild_source(name: str) -> str:
    columns = "".join(f'      - name: {column}\n        type: "{kind}"\n' for column, kind in _columns(name))
    head = f"  - name: {name}\n    description: The {name} of all shops\n    schema: raw\n    table: {name}\n"
    return f"{head}    columns:\n{columns}"
