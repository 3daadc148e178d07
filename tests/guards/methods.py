"""The methods of HTTP: those that only look, and those that change something."""

READS = ("GET", "HEAD", "OPTIONS")
WRITES = ("POST", "PUT", "PATCH", "DELETE")
