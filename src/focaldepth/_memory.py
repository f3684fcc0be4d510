"""What a run takes in memory, told before it starts: an upper bound, measured on runs of the command line.

`benchmarks/memory.py` compares it with real peaks; a test holds it between 1 and 1.4 times the peak.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from focaldepth.core.method import Method, WorkingMemory
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack

_INTERPRETER = 96 << 20
"""Python, numpy, OpenCV, codecs and the report."""
_SMALL_FRAME = 800_000
"""Previews, thumbnails and curves of one frame, which stay in memory."""
_FRAMES = 3.8
"""Decoded frames on their way: two ahead, the one that is worked on, and what a decoder needs beside them."""
_WARPED = 2.0
"""Further ones where frames are warped: both threads hold the frame as it was taken, too."""
_MARGIN = 1.07
"""For what allocators keep."""


def memory_needed(stack: FocalStack, method: Method, run: Run, *, aligned: bool = True) -> int:
    """Estimate the peak memory of a run in bytes from above, interpreter included.

    Args:
        stack: the frames; those that lie in memory already count.
        method: with its settings.
        run: worker threads, each of which reads frames while they are compared.
        aligned: frames are compared, and warped on reading.
    """
    h, w, c = stack.shape
    frame = h * w * c * stack.dtype.itemsize
    working = working_memory(method, stack, run_of_method(stack, run))
    looking = frame * min(run.threads, len(stack)) * (2 if aligned else 1)
    reading = working.reading + frame * (_FRAMES + (_WARPED if aligned else 0))
    peak = max(looking, reading, working.finishing)
    return int(_before(stack) + _MARGIN * peak)


def run_of_method(stack: FocalStack, run: Run) -> Run:
    """Return the run as a method gets it: of the memory limit what is left for the method itself."""
    if run.max_memory is None:
        return run
    return replace(run, max_memory=max(1, int((run.max_memory - _before(stack)) / _MARGIN)))


def _before(stack: FocalStack) -> int:
    """Bytes that are held whatever the method does."""
    return _INTERPRETER + _SMALL_FRAME * len(stack) + held_bytes(stack.source)


def working_memory(method: Method, stack: FocalStack, run: Run) -> WorkingMemory:
    """Return what a method holds beside decoded frames: what it says itself, else its bytes per pixel."""
    own = getattr(method, "working_memory", None)
    if own is not None:
        found: WorkingMemory = own(stack, run)
        return found
    size = stack.shape[0] * stack.shape[1] * method.spec.bytes_per_pixel
    return WorkingMemory(size, size)


def held_bytes(source: Any) -> int:
    """Bytes of frames that lie in memory, whichever source stands in front of them."""
    while source is not None:
        held = getattr(source, "held_bytes", None)
        if held is not None:
            return int(held)
        source = getattr(source, "base", None)
    return 0
