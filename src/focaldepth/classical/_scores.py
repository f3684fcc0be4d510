"""Frames with their scores, whichever measure is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._luminance import brightness_gains, grey_mean
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack, Frame
from focaldepth.measures._measure import Measure

Plane = NDArray[np.float32]


def scored_frames(stack: FocalStack, measure: Measure, run: Run) -> Iterator[tuple[Frame, Plane]]:
    """Yield every frame with its score (H, W) float32, in order and at the common brightness; each is read once.

    A measure over three frames is handed each frame with its neighbours, so one frame is held back; the first and the
    last frame stand in for the neighbour they lack.
    """
    if measure.facts.frames == 1:
        yield from ((frame, measure(grey) * gain) for frame, grey, gain in _greys(stack, measure, run))
        return
    before: NDArray[Any] | None = None
    held: tuple[Frame, NDArray[Any]] | None = None
    for frame, grey, _ in _greys(stack, measure, run):
        if held is not None:
            yield held[0], measure(np.stack([held[1] if before is None else before, held[1], grey]))
            before = held[1]
        held = frame, grey
    if held is not None:
        yield held[0], measure(np.stack([held[1] if before is None else before, held[1], held[1]]))


def _greys(stack: FocalStack, measure: Measure, run: Run) -> Iterator[tuple[Frame, NDArray[Any], np.float32]]:
    """Every frame, its grey, and the factor that its score still needs.

    A score proportional to contrast takes the gain of the frame afterwards. For every other one the grey is brought to
    the common brightness, and to full scale 255, before.
    """
    proportional = measure.facts.degree == 1 and measure.facts.frames == 1
    gains = brightness_gains(stack.gains, len(stack))
    for frame, gain in zip(stack.frames(threads=run.threads), gains, strict=True):
        grey = grey_mean(frame)
        if proportional:
            yield frame, grey, gain
        else:
            yield frame, grey * np.float32(gain * 255 / stack.source.white), np.float32(1)
