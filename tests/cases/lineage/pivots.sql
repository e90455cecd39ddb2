-- case: PIVOT with values
pivot t on b in ('x', 'y') using sum(c) group by a
-- case: PIVOT of SQL's standard
select * from t pivot (sum(c) as total, max(a) as most for b in ('x', 'y'))
-- case: PIVOT over a subquery
from (pivot (select a, b, c from t where c > 0) on b in ('x') using count(*)) select a, x
-- case: UNPIVOT
unpivot (select b, a, c::int as c from t) on a, c into name which value what
-- case: UNPIVOT of SQL's standard
select * from (select b, a, c::int as c from t) unpivot (what for which in (a, c))
-- case: PIVOT by its rows
pivot t on b using sum(c)
-- case: PIVOT on many values
pivot t on a in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22) using sum(c) group by b
