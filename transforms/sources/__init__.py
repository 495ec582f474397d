"""One file a source: what its publisher gives out, and a generator for each table it fills."""
