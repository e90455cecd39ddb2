-- The files that the traps read.
COPY (
  SELECT
    n AS id, 'c' || n % 7 AS customer, n * 37 % 101 AS amount, date '2026-01-01' + (n % 28)::INTEGER AS day,
    CASE WHEN n % 5 > 0 THEN 'n' || n END AS note
  FROM range(400) AS t(n)
) TO 'orders.csv';
COPY (
  SELECT
    n::INTEGER AS id, 'c' || n % 7 AS customer, nullif(n * 37 % 101, 37)::INTEGER AS amount,
    (n * 13 % 997 / 10)::DECIMAL(10, 2) AS price, date '2026-01-01' + (n % 31)::INTEGER AS day,
    CASE WHEN n % 5 > 0 THEN 'n' || n % 11 END AS note, CASE WHEN n % 9 = 4 THEN 'x' || n ELSE (n % 60)::VARCHAR END AS code,
    CASE WHEN n % 9 = 4 THEN 'text' ELSE 'number' END AS kind
  FROM range(400) AS t(n)
) TO 'orders.parquet';
COPY (
  -- c0 to c5, one of whom nobody hears, one twice, and one without a name.
  SELECT * FROM (VALUES
    ('c0', 'Ada', 'north', 100, timestamp '2024-02-29 12:00:00'), ('c1', 'ada', 'south', NULL, timestamp '2024-03-31 01:30:00'),
    ('c2', 'Bob', NULL, 0, NULL), ('c3', 'BOB', 'north', 2147483647, timestamp '2025-12-31 23:59:59.999999'),
    ('c4', 'Ümit', '', -5, timestamp '2024-02-29 12:00:00'), ('c5', 'Eve', 'south', 7, timestamp '2020-01-01 00:00:00'),
    ('c5', 'Eve', 'south', 7, timestamp '2020-01-01 00:00:00'), ('c9', 'Zoë', 'west', 50, timestamp '2026-01-15 08:00:00'),
    (NULL, 'Nobody', 'west', 1, NULL)
  ) AS t(customer, name, region, credit, since)
) TO 'customers.parquet';
COPY (
  SELECT * FROM (VALUES
    (1, 'nan'::DOUBLE, -0.0::DOUBLE, timestamptz '2024-03-31 02:30:00+01', 'red', ['a', 'b'], 9223372036854775807, 127::TINYINT, 4294967295::UINTEGER),
    (2, 'inf'::DOUBLE, 0.0::DOUBLE, timestamptz '2024-03-31 01:30:00+00', 'green', [], -9223372036854775808, (-128)::TINYINT, 0::UINTEGER),
    (3, '-inf'::DOUBLE, 1.5::DOUBLE, timestamptz '1969-12-31 23:59:59+00', 'blue', [NULL], 0, 0::TINYINT, 2147483648::UINTEGER),
    (4, NULL, 1e308::DOUBLE, 'infinity'::TIMESTAMPTZ, NULL, NULL, NULL, NULL, NULL),
    (5, 2.5::DOUBLE, -1e-300::DOUBLE, timestamptz '2026-06-01 00:00:00+00', 'red', ['b', 'b', 'c'], 42, 5::TINYINT, 5::UINTEGER),
    (6, 2.5::DOUBLE, 5e-324::DOUBLE, '-infinity'::TIMESTAMPTZ, 'red', ['a'], 43, 6::TINYINT, 6::UINTEGER)
  ) AS t(id, value, tiny, moment, colour, tags, big, small, positive)
) TO 'events.parquet';
COPY (SELECT * FROM (VALUES (1, 2), (2, 3), (3, 4), (4, 2), (7, 8), (8, NULL)) AS t(start, goal)) TO 'edges.parquet';
COPY (SELECT 1 AS id, 'c1' AS customer WHERE false) TO 'nothing.parquet';
COPY (SELECT n::INTEGER AS id, n % 30 AS flag FROM range(100) AS t(n)) TO 'flags.parquet';
