-- what it is for
select /* in line */ a -- the first
, b -- the second
  /* on a line
     of its own */
, c


-- where it is from
from t   -- behind
where a = 1 /* x */ and
 b = 2
-- the end
