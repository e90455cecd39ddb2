"""The state store on S3: a log of objects that everybody appends to, and a copy of what it comes to on each machine."""
