"""Files out of an archive, on S3 or here, each to a place of its own."""
