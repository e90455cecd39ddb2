-- case: outer joins of old
select t.id from t, t q where t.id = q.id(+)
-- case: formats
select to_char(d, 'YYYY') from t
-- case: the first rows, and those that equal the last of them
select id from t order by b fetch first 2 rows with ties
-- case: a part of the rows
select id from t order by id fetch first 10 percent rows only
-- case: rows that are locked
select id
from t
for update
