"""Measures of how good a depth map is."""
