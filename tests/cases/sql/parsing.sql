-- case: a misspelled keyword
selec 1

-- case: something between
select a b c from orders

-- case: too early an end
select (1 + 2

-- case: a closing bracket too many
select 1)

-- case: a text that never ends
select 'ü', 'abc from orders

-- case: a comment that never ends
select 1 /* and so on

-- case: nothing
;

-- case: two queries
select 1; -- first
select 2

-- case: an insert
insert into orders values (1)

-- case: a copy
copy orders to 'out.csv'

-- case: an attach
attach 'x.db' as x

-- case: a setting
set threads = 1

-- case: an extension
install httpfs

-- case: a pragma
pragma version

-- case: an update in a CTE
with gone as (delete from orders returning *) select * from gone

-- case: signs of operators without end
select 1 +++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++ 2
