"""What happened in a run: times, memory, warnings, versions, input hashes."""

from __future__ import annotations

import ctypes
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from focaldepth._version import __version__
from focaldepth.core.progress import Run
from focaldepth.core.result import Provenance
from focaldepth.core.stack import FocalStack
from focaldepth.io.hashes import hash_inputs

_LIBRARIES = ("numpy", "scipy", "opencv-python-headless", "tifffile", "imagecodecs", "pillow")


class Recorder:
    """Notes of one run; `run` is the caller's Run with a warn that is noted, too."""

    def __init__(self, run: Run) -> None:
        self._warnings: list[str] = []
        self._times: dict[str, float] = {}
        self._outer = run
        self._begin = time.perf_counter()
        self.run = replace(run, warn=self._warn)

    def _warn(self, message: str) -> None:
        if message not in self._warnings:
            self._warnings.append(message)
            self._outer.warn(message)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        begin = time.perf_counter()
        yield
        self._times[stage] = self._times.get(stage, 0.0) + time.perf_counter() - begin

    def provenance(
        self, method: str, settings: dict[str, Any], stack: FocalStack, weights: Mapping[str, Any]
    ) -> Provenance:
        """Return the record of the run."""
        with self.timed("hash"):
            inputs = hash_inputs(stack)
        self._times["total"] = time.perf_counter() - self._begin
        return Provenance(
            method=method,
            settings=settings,
            versions=versions(),
            inputs=inputs,
            times_s=dict(self._times),
            peak_memory_bytes=peak_memory(),
            warnings=tuple(self._warnings),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            weights=weights,
        )


def versions() -> dict[str, str]:
    """Versions of focaldepth, Python and the libraries that touch pixels; torch only where it was used."""
    found = {"focaldepth": __version__, "python": platform.python_version(), "system": platform.platform()}
    for name in (*_LIBRARIES, *(["torch"] if "torch" in sys.modules else [])):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def forget_peak() -> int | None:
    """Let peak memory begin anew, for a process that measures many runs; only Linux can.

    Returns:
        What the process holds now, in bytes; None where the peak could not be forgotten.
    """
    with suppress(OSError, AttributeError):  # other systems, other C libraries
        # What earlier runs freed and the allocator kept would hide what the next one takes.
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return peak_memory()
    return None


def peak_memory() -> int | None:
    """Peak resident memory of this process in bytes, since `forget_peak`; None where the system does not tell."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
