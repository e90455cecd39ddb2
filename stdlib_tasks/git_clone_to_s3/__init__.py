"""A clone of a Git repository to a prefix on S3."""
