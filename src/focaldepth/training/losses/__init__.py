"""Losses, one per file, each with the paper and equation that it follows."""
