"""One invocation of a Lambda function."""
