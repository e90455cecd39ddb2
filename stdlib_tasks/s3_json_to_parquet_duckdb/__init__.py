"""JSON or CSV, objects on S3 or files, put together into one Parquet file."""
