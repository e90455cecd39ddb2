"""Who runs next: a state machine of events in and commands out, without clock, disk or wait."""
