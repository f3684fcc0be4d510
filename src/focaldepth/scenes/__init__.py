"""Scenes with exact depth, made from a seed."""
