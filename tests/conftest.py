"""Property tests: no time limit per example on busy machines, and the same examples in every run.

Side by side on a few cores, test processes compute with one thread each: several would spend their time waiting for
those of the others, ten times as long as the work itself.
"""

import os

from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
