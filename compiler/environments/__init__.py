"""What tasks ask of their Python environments, and what a lock file has settled of it."""
