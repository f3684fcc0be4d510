"""Suites: one question each."""
