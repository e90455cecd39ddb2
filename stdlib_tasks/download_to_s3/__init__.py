"""A download from the web to an object on S3, or to a file."""
