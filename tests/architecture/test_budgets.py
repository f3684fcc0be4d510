"""What a fresh process pays: for importing the package, for the help text, for a classical estimate."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"
ENV = {**os.environ, "PYTHONPATH": str(SRC)}

LOADED = """
import sys
before = set(sys.modules)
{code}
tops = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(*sorted(tops - set(sys.stdlib_module_names)))
"""

ESTIMATE = """
from focaldepth import FocalStack, estimate
import numpy as np
frames = (np.random.default_rng(0).random((4, 24, 32, 3)) * 255).astype(np.uint8)
assert estimate(FocalStack.from_arrays(frames), align="none").map.shape == (24, 32)
"""


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], env=ENV, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded(code: str) -> set[str]:
    """Third-party packages that a fresh process has loaded after the code."""
    return set(run("-c", LOADED.format(code=code)).split()) - {"focaldepth"}


def seconds(*arguments: str, best_of: int = 5) -> float:
    times = []
    for _ in range(best_of):
        begin = time.perf_counter()
        run(*arguments)
        times.append(time.perf_counter() - begin)
    return min(times)


@pytest.fixture(scope="module")
def bare() -> float:
    """What starting Python itself costs here."""
    return seconds("-c", "pass")


def test_import_loads_no_third_party_package() -> None:
    assert loaded("import focaldepth") == set()


def test_listing_the_surface_loads_no_third_party_package() -> None:
    assert loaded("import focaldepth; dir(focaldepth); focaldepth.__version__") == set()


def test_import_takes_a_tenth_of_a_second(bare: float) -> None:
    """0.1 s on top of Python itself; on a machine where Python alone is slow, in proportion."""
    assert seconds("-c", "import focaldepth") - bare <= max(0.1, 4 * bare)


def test_help_takes_a_third_of_a_second(bare: float) -> None:
    """0.3 s in all; R45 asks for 0.5 s."""
    assert seconds("-m", "focaldepth", "--help") <= max(0.3, 12 * bare)


def test_listing_plug_ins_imports_none() -> None:
    code = (
        "from focaldepth.measures._measure import MEASURES as a\n"
        "from focaldepth.io._reader import READERS as b\n"
        "assert a.names() and b.names() is not None\n"
    )
    assert loaded(code) <= {"numpy"}


def test_the_facts_of_networks_are_told_without_torch() -> None:
    code = (
        "from focaldepth.networks._spec import NETWORKS\n"
        "assert all(NETWORKS.get(name).default.limits.stride for name in NETWORKS.names())\n"
    )
    assert loaded(code) <= {"numpy"}


def test_a_classical_estimate_never_loads_torch() -> None:
    found = loaded(ESTIMATE)
    assert not found & {"torch", "matplotlib", "jinja2", "trimesh", "numba"}
    assert {"numpy", "cv2"} <= found
