"""Property tests: no time limit per example on busy machines, and the same examples in every run."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
