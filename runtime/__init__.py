"""From a checked pipeline to facts: planning, scheduling, state; shared by all backends."""
