-- case: types as DuckDB writes them
select 'a'::enum('a', 'b') as e, {'k': 1} as s, [1] as l, map {'a': 1} as m, 1::decimal(10, 2) as d, now() as n

-- case: a CTE hides a table
with orders as (select 1 as k) select k from orders

-- case: recursion
with recursive r(n) as (select 1 union all select n + 1 from r where n < 3) select n from r

-- case: FROM first
from orders select order_id

-- case: a pivot with listed values
pivot orders on customer_id in (1, 2) using sum(amount) group by order_id

-- case: a pivot by values that only the rows tell
pivot orders on customer_id using sum(amount)

-- case: a summary
summarize orders;

-- case: a list of files
select "at" from read_csv(['data/events.csv', 'data/events.csv'])

-- case: files of different columns in a list
select * from read_csv(['data/events.csv', 'data/other.csv'])

-- case: a reader with options
select * from read_csv('data/events.csv', header = false)

-- case: a file that nobody knows, and a function that does not exist
select summ(a) from 'data/unknown.parquet'

-- case: a file read as text
select content from read_text('notes.txt')

-- case: a computed location
select * from read_parquet('data/' || 'x.parquet')

-- case: a parameter
select * from orders where order_id = $item

-- case: an unknown table, another known
select order_id, s from orders, secret

-- case: an output of a task, quoted as one name
select id from "clean.output"

-- case: values
values (1, 'a')

-- case: a table function that DuckDB cannot bind without the disk
select * from glob('*')
