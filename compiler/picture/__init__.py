"""Pictures of a pipeline: one neutral drawing, and one writer a format."""
