"""A run's report as one HTML page: the frame, the parts, and how they look."""
