"""The training format: written, read, spliced with instructions, decoded."""
