"""How one thing becomes the next: pure functions from files to files."""
