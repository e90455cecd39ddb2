"""Where a pipeline's columns come from, task by task and all the way back to the sources."""
