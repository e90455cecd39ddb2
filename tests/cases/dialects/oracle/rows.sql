-- case: choices
select nvl(null, 1), nvl2(s, 1, 2), decode(b, 2, 'two', 'x'), mod(-7, 3), 7 / 2 from t where id = 1
--
1 | 1 | 'two' | -1 | 3.5
-- case: the table of one row
select 1 from dual
--
1
-- case: nulls are the highest
select a from t order by a desc
--
null
7
-7
-- case: rows that are taken away
select id from t minus select 1 from dual minus select 2 from dual
--
3
-- case: months after a last day end on a last day
select add_months(date '2024-02-29', 1) from dual
--
date 2024-03-31
-- case: null is an empty text
select 'a' || s from t where id = 3
--
warned: 'a' || s
null
-- case: an empty text is null
select 1 from t where s = ''
--
warned: ''
-- case: texts
select substr('hello', 0, 2), instr('abc', 'b'), initcap('ab cd'), cast('abc' as varchar2(2)) from dual
--
'he' | 2 | 'Ab Cd' | 'ab'
-- case: the first rows
select id from t order by id fetch first 1 rows only
--
1
