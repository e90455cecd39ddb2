-- case: aliases
select a as x, b y, c + 1 as "the Z", 7 as seven from t
-- case: star
select * from t
-- case: star of one table, with the other's columns in the result
select u.*, t.b from t, u
-- case: EXCLUDE, REPLACE and RENAME
select * exclude (b) replace (a + 1 as a) rename (c as cc) from t
-- case: COLUMNS by pattern
select columns('a|b') from t
-- case: COLUMNS in an expression
select columns(*)::varchar from t
-- case: COLUMNS by lambda
select columns(lambda name: name <> 'b') from t
-- case: aggregates of all columns
select max(columns(*)) from t
-- case: a table as a value
select t from t
-- case: names ignore case and may be quoted
select "A" as "The A", T.B from T
-- case: FROM first
from t select c where a > 1
-- case: FROM alone
from t
-- case: positional references
select #2 as second, #1 as first from t
-- case: positions in GROUP BY and ORDER BY
select b, sum(c) as total from t group by 1 order by 2
-- case: an alias used in the same list
select a + 1 as x, x * 2 as y from t where y > 3
-- case: VALUES
select x, y from (values (1, 2), (3, 4)) as v(x, y)
-- case: no table at all
select 1 as one, 'x' as two
-- case: a row's place
select rowid as place, a from t
-- case: a constant hides its column
select a, 0 as c from t
