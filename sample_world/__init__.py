"""A make-believe world in every source's own file format. It knows nothing of how it will be read."""
