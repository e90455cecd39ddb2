"""Whether a project's state can be trusted and written: each module looks at one part, and changes nothing."""
