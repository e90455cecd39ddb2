"""One request to a web server."""
