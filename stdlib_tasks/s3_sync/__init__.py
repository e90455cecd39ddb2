"""A folder or a prefix that is made to hold what another one holds."""
