"""Bringing frames into one geometry: one file per way."""
