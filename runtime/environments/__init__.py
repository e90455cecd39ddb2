"""Tasks' Python environments: resolved once into the lock file, and built from it where tasks run."""
