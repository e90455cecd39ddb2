-- case: row_number
select b, row_number() over (partition by b order by c) as n from t
-- case: QUALIFY
select b from t qualify row_number() over (partition by a order by c) = 1
-- case: sum over a window
select a, sum(c) over (partition by b order by a rows between 1 preceding and current row) as moving from t
-- case: lag
select a, lag(c, 1, 0.0) over (order by a) as before from t
-- case: FILTER and a named window
select sum(c) filter (where b = 'x') over w as total from t window w as (partition by a)
-- case: bounds by a column
select sum(c) over (order by a rows between a preceding and current row) as s from t
-- case: a window over an aggregate
select b, sum(sum(c)) over (order by b) as running from t group by b
-- case: first_value with an order of its own
select first_value(c order by b) over (partition by a) as first from t
-- case: over all
select count(*) over () as n from t
