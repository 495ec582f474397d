"""One script for each claim of the README; run as `python -m benchmarks.<name>`."""
