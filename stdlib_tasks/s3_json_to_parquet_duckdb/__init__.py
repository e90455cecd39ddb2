"""JSON files on S3 put together into one Parquet file."""
