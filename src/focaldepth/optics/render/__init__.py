"""Defocus rendering: one file per renderer, reached by name through `_renderer.RENDERERS`."""
