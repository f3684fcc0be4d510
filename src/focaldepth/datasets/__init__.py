"""Data sets: one file each; their stacks, truths, checks and miniatures."""
