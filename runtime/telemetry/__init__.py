"""What a run tells machines of itself: logs, metrics and traces."""
