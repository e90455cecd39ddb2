-- case: whole numbers
select i + 1 as a, i - n as b, i * 2 as c, -i as d from t
-- case: whole numbers that have room
select i::bigint + 1 as a, i::bigint * 1000 as b, year(d) * 100 + month(d) as c from t
-- case: division
select i / 2 as a, i // 2 as b, i % 2 as c, f / 0 as d from t
-- case: floats
select f + 1 as a, f * f as b, -f as c, abs(f) as d, round(f, 2) as e, floor(f) as g from t
-- case: roots and logarithms
select sqrt(f) as a, ln(f) as b, exp(f) as c from t
-- case: decimals
select e + e as a, e * 2 as b, e * e as c, e - 1 as d, -e as g from t
-- case: casts that widen
select i::bigint as a, i::double as b, e::double as c, e::decimal(12, 4) as d, i::decimal(12, 2) as g from t
-- case: casts that narrow
select n::integer as a, f::integer as b, e::integer as c, n::double::float as d from t
-- case: casts to text
select i::varchar as a, f::varchar as b, d::varchar as c, m::varchar as g, e::varchar as h, o::varchar as k from t
-- case: casts from text
select s::integer as a, s::date as b, s::varchar as c from t
-- case: careful casts
select try_cast(s as integer) as a, try_cast(s as date) as b, try_cast(f as integer) as c from t
-- case: casts of days
select d::timestamp as a, m::date as b from t
-- case: truth
select o::integer as a, (i > 1)::bigint as b, i::boolean as c from t
-- case: texts
select lower(s) as a, trim(s) as b, length(s) as c, s || 'x' as d, concat(s, i) as g, replace(s, 'x', 'y') as h from t
-- case: parts of texts
select left(s, 3) as a, substring(s, 2, 3) as b, right(s, i) as c, substring(s, n) as d from t
-- case: patterns
select s like 'x%' as a, s ilike '%X' as b, contains(s, 'x') as c, starts_with(s, s) as d from t
-- case: padding
select lpad(s, 3, s) as a, repeat(s, i) as b from t
-- case: parts of days
select year(d) as a, month(d) as b, extract(day from m) as c, hour(m) as g, dayofweek(d) as h from t
-- case: truncated days
select date_trunc('month', d) as a, date_trunc('day', m) as b from t
-- case: days apart
select d - d as a, m - m as b, d + 1 as c, d + interval 1 day as g from t
-- case: formatted days
select strftime(d, '%Y') as a, strptime(s, '%Y') as b from t
-- case: choices
select case when o then i else 0 end as a, coalesce(s, 'x') as b, nullif(i, 0) as c, ifnull(n, 1) as d from t
-- case: a choice that protects
select case when i < 10 then i + 1 end as a from t
-- case: error
select case when i < 0 then error('negative') else i end as a from t
-- case: list indexes
select l[1] as a, l[i] as b, len(l) as c from u
-- case: structs
select k.x as a, k as b from u
-- case: lambdas
select list_transform(l, lambda x: x + 1) as a from u
-- case: constants
select date '2020-01-01' as a, '12'::integer as b, 1 + 1 as c from t
-- case: a constant that fails
select 'twelve'::integer as b from t
-- case: in a filter
select i from t where s::integer > 1
-- case: in a join
select t.i from t join u on t.i + 1 = u.i
-- case: in a group
select i + 1 as k, count(*) as n from t group by i + 1
-- case: in an order
select i from t order by s::integer
-- case: in a column that nobody uses
select i from (select i, s::integer as k from t)
-- case: in a column under distinct
select i from (select distinct i, s::integer as k from t)
-- case: in a column under a filter on another
select i, k from (select i, s::integer as k from t) where i > 1
-- case: in an aggregate
select i, sum(s::integer) as k, max(n) as m from t group by i
-- case: sums that overflow
select sum(n::hugeint) as a, sum(n) as b, sum(e) as c from t
-- case: a computed limit
select i from t order by all limit (select max(i) from u)
-- case: a subquery with several rows
select i, (select s from u) as one from t
-- case: a correlated subquery with several rows
select i, (select u.s from u where u.i = t.i) as one from t
-- case: a correlated subquery with one
select i, (select sum(u.i) from u where u.i = t.i) as one from t
-- case: a subquery with a limit
select i, (select s from u order by s limit 1) as one from t
-- case: a subquery of groups
select i, (select count(*) from u group by u.i) as one from t
-- case: windows
select i, lag(i) over (order by i) as a, ntile(2) over (order by i) as b, nth_value(i, 2) over (order by i) as c from t
-- case: range
select i, r from t, range(3) x(r)
-- case: regular expressions
select regexp_matches(s, 'x+') as a, regexp_replace(s, s, '') as b from t
-- case: json
select json_extract(s, '$.a') as a, s::json as b from t
-- case: enums
select s::enum('x', 'y') as a from t
-- case: below a join, which looks at some rows only
select c from (select i, s::integer as c from t) as t join u using (i)
-- case: above a join
select t.i + u.i as a from t join u on t.s = u.s
-- case: in what a join compares
select t.i from t join u on t.s::integer = u.i
-- case: a filter above a join, which DuckDB moves down
select t.i from t join u on t.s = u.s where t.n + 1 > 2
-- case: below a limit
select i + 1 as a from (select i from t group by i) order by i limit 3
-- case: above a limit
select i + 1 as a from (select i from t group by i order by i limit 3)
-- case: in a CTE that a join reads
with c as (select i, s::integer as n from t) select n from c join u using (i)
-- case: in a CTE that nothing chooses from
with c as (select i, s::integer as n from t) select n from c where i > 1
-- case: beside a subquery
select i + 1 as a from t where i in (select i from u)
-- case: in rows that others are taken from
select i + 1 as a from t except select i from u
-- case: in one of the parts of a union
select i + 1 as a from t union all select i from u
