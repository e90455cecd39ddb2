-- case: an argument
select sum(name) from customers

-- case: an operator
select amount + ordered_at from orders

-- case: a comparison
select * from customers where name > 3

-- case: too many arguments
select substr(name, 1, 2, 3) from customers

-- case: a type that does not exist
select order_id::integerr from orders

-- case: a type that does not exist, and a column
select order_id::integerr, amont from orders

-- case: a list function on a number
select unnest(order_id) from orders

-- case: no group
select customer_id, sum(amount) from orders

-- case: nested aggregates
select sum(sum(amount)) from orders

-- case: a field of a number
select o.amount.cents from orders o

-- case: set operations of different widths
select order_id, amount from orders union all select 1

-- case: two columns of one name
select order_id as a, 'x' as b, amount as A from orders

-- case: two columns of one name from a star
select * from orders o join customers c on o.customer_id = c.customer_id

-- case: a window that is not defined
select sum(amount) over w from orders
