"""Focus measures: one file each."""
