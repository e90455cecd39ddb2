select order_id, customer_id, customer_first_name, customer_last_name, currency, amount, ordered_at, shipped_at from orders
