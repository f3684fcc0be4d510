"""Judging methods: protocols of the papers, data with truth, scores."""
