pivot (select year, country, sum(population) as population from cities group by all) on year using sum(population) group by country
