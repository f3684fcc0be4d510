"""Metrics: one file each, named ``STEM`` or ``STEM.VARIANT``."""
