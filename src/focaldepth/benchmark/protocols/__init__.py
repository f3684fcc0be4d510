"""Protocols: one record each."""
