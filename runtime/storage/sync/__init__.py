"""Makes a folder or a prefix hold what another one holds: what differs is moved, and nothing else."""
