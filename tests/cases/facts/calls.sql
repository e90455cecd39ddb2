-- case: rounding
select round(f) as a, round(f, 3) as b, round(e, 1) as c, floor(e) as d, ceil(e) as g, round(e, -1) as h, trunc(f) as j from t
-- case: remainders
select i % 2 as a, n % 7 as b, i // 3 as c, i % -1 as d, n // n as g, f % f as h from t
-- case: greatest and least
select greatest(i, n) as a, least(s, 'x') as b, greatest(f, f) as c, least(d, d) as g from t
-- case: lists
select [i, i] as a, [s][n] as b, len([i]) as c, list_contains([i], 1) as d, list_sort([s]) as g from t
-- case: letters
select s[1] as a, s[n] as b, ascii(s) as c, unicode(s) as d, reverse(s) as g, md5(s) as h, instr(s, s) as j from t
-- case: texts with texts
select trim(s, s) as a, ltrim(s, 'x') as b, suffix(s, s) as c, prefix(s, s) as d, levenshtein(s, s) as g, strlen(s) as h from t
-- case: joined texts
select concat_ws('-', s, i) as a, concat(s, f, d, m, o, e) as b, s || s as c from t
-- case: patterns of the rows
select s like s as a, s not like s as b, s ilike s as c, regexp_matches(s, s) as d, regexp_full_match(s, '(x|y)+') as g from t
-- case: a pattern that is wrong
select s ~ '(' as a from t where i > 1
-- case: cut by columns
select left(s, i) as a, left(s, n) as b, right(s, n) as c, substr(s, i, i) as d, substr(s, n, 1) as g from t
-- case: formats
select strftime(m, '%Y-%m-%d %H:%M:%S') as a, strftime(d, '%b %y') as b, strftime(d, '%j') as c from t
-- case: parts of times
select second(m) as a, minute(m) as b, quarter(d) as c, date_part('dow', d) as g, date_part(s, d) as h, hour(d) as j from t
-- case: weeks
select week(d) as a, last_day(d) as b, epoch(m) as c, dayname(d) as g from t
-- case: sums of small things
select sum(i::smallint) as a, sum(o::integer) as b, sum(case when s = 'x' then 1 else 0 end) as c from t
-- case: products of columns
select i::bigint * i as a, i::bigint * n as b, i::hugeint * n as c, n::hugeint + n as d from t
-- case: bits
select i & 3 as a, i | n as b, xor(i, 1) as c, i << 2 as d from t
-- case: decimals with room
select e::decimal(20, 2) * e as a, e + e + e as b, (e * 10) + 1 as c, e::decimal(18, 2) - e as d from t
-- case: doubles of everything
select i::double * f as a, e::double / i as b, n / n as c, o::double as d from t
-- case: not a number
select isnan(f) as a, isinf(f) as b, isfinite(f) as c, sign(f) as d, abs(e) as g, exp(f) as h, pow(f, 2) as j from t
-- case: nested choices
select case when f > 0 then 'big' when f is null then s else concat(i) end as a, nullif(s, '') as b, o is true as c from t
-- case: structs made
select {'a': i, 'b': s} as a, {'a': i}.a as c from t
-- case: comparisons of everything
select i = n as a, e > i as b, f <= e as c, d < m as g, s = i::varchar as h, d in ('2020-01-01') as j from t
-- case: middle and least
select median(i) as a, quantile_cont(f, 0.5) as b, quantile_disc(n, [0.1, 0.9]) as c, median(d) as g from t
-- case: bits of all
select bit_or(i) as a, bit_xor(n) as b, bool_and(o) as c from t
-- case: frames
select sum(n) over (order by i, n rows 2 preceding) as a, max(s) over (order by i range unbounded preceding) as b from t
-- case: frames that may be wrong
select sum(n) over (order by n range 2 preceding) as a from t
-- case: the row two before
select lag(s, 2) over (order by s) as a, lead(i, 1, 0) over (order by i) as b from t
-- case: days between
select date_diff('day', d, d) as a, date_diff('month', d, d) as b, d - d as c, date_diff('hour', m, m) as g, monthname(m) as h from t
-- case: days between rows
select date_diff('day', x.d, y.d) as a, date_diff('year', x.d, y.d) as b, x.d - y.d as c from t x, t y
-- case: numbers of two rows
select x.f * y.f as a, x.f - y.f as b, x.f / y.f as c, pow(x.f, y.f) as d, x.e + y.e as g, x.e * y.e as h from t x, t y
-- case: whole numbers of two rows
select x.i::bigint * y.i as a, x.i % 3 as b, x.n + y.n as c, x.i / y.i as d, x.i & y.i as g, x.n::hugeint * y.i as h from t x, t y
-- case: texts of two rows
select x.s || y.s as a, x.s like y.s as b, replace(x.s, y.s, 'z') as c, trim(x.s, y.s) as d, starts_with(x.s, y.s) as g from t x, t y
