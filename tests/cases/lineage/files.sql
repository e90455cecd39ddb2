-- case: a file by its location
select seen, customer_id + 1 as c from 'data/events.csv'
-- case: by a function
select b from read_csv('data/other.csv')
-- case: two of them
select e.seen, o.b from 'data/events.csv' e join read_csv('data/other.csv') o on e.customer_id = o.b
-- case: a list is one table
select seen from read_csv(['data/events.csv', 'data/more.csv']) where customer_id > 1
-- case: task.output
select o.id, "clean.output".id + 1 as next from clean.output o, "clean.output"
