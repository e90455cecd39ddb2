"""What is remembered: the journal of runs, and the results that later runs may reuse."""
