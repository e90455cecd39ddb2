select case when a then b
else c end as x, coalesce(first_name, '') || ' ' || coalesce(middle_name, '') || ' ' || coalesce(last_name, '') as name,
100.0 * count(*) filter (where late and not cancelled and not diverted) / nullif(count(*) filter (where not cancelled), 0) as share,
list_transform(xs, lambda x: x + 1)[1:2] as ys, {'a': 1, 'b': [1,2,3]} as s, extract(year from day) as y, a is distinct from b as d, - 1 as minus,
* exclude (a, b) replace (c + 1 as c)
from t where (a = 1 or (b = 2 and c in (1,2,
3))) and exists (select 1 from u where u.id = t.id)
