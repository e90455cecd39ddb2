-- case: a misspelled column
select order_id, custmer_id from orders

-- case: text that is not ASCII before the mistake
select 'é日本' as "größe", custmer_id from orders -- ünïcödé

-- case: a qualified column
select o.amont from orders o join customers c on o.customer_id = c.customer_id

-- case: a column that nothing comes close to, and another mistake
select zzz, amont from orders

-- case: five mistakes at once
select custmer_id, summ(amont), o.ordered from orders o where o.zzz = 1 and x.id = 2

-- case: inside a CTE
with a as (select 1 as k),
     b as (select custmer_id from orders)
select * from a, b

-- case: inside a subquery in a condition
select order_id from orders where customer_id in (select custmer_id from customers)

-- case: of a subquery, whose columns are not listed
select sub.nam from (select name as n from customers) sub

-- case: of a quoted table with a dash
select sku, qti from "order-items"

-- case: a quoted column
select "custmer_id" from orders

-- case: a column to be quoted
select "total pric" from "order-items"

-- case: in EXCLUDE, where DuckDB tells no place
select * exclude (amont) from orders

-- case: in USING
select * exclude (name) from orders join customers using (order_id)

-- case: without a FROM
select nope

-- case: in several tables
select nam from orders, customers

-- case: of a file
select f.custmer_id from 'data/events.csv' f

-- case: of a file without an alias
select events.at, custmer_id from 'data/events.csv'

-- case: of a file in a function
select custmer_id from read_csv('data/events.csv')

-- case: a table that is close
select order_id, custmer_id from ordrs

-- case: a table that is not
select a from nowhere

-- case: a table of another schema
select a from raw.orders

-- case: an output of a task
select clean.output.idd from clean.output

-- case: an alias that is not there
select customers.name from orders

-- case: all columns of an alias that is not there
select ord.* from orders

-- case: an ambiguous column, and a mistake after it
select customer_id, amont from orders o join customers c on o.customer_id = c.customer_id

-- case: a function
select summ(amount) from orders

-- case: a function that nothing comes close to, with a mistake inside
select frobnicate(amont) from orders

-- case: a window function without a window
select row_number() from orders

-- case: a table function
select * from rangee(3)

-- case: a function of an extension
select st_area(amount) from orders

-- case: in a pivot by values that only the rows tell
pivot orders on customer_id using sum(amont)

-- case: in a description
summarize select custmer_id from orders
