"""Drift of exposure and white balance over a stack: found in light that defocus cannot move far, stated as gains.

Defocus spreads light but loses none, so means over patches that are wide against the blur keep their value. Patches
that are dark or hold saturated pixels say nothing. Each frame is compared with the median frame of the stack.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.align._geometry import rescaled
from focaldepth.align._light import encoded, is_srgb, to_light
from focaldepth.align._scaled import ScaledSource
from focaldepth.align._warped import WarpedSource, Window, inside
from focaldepth.core.alignment import Alignment
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack, FrameSource

NOISE = 0.01
"""Gains that differ from 1 by less than this are none."""
_SPREADS = 1.0
"""Drift smaller than this many spreads over patches (1 standard deviation) is none."""
_PREVIEW = 400
"""Long side at which saturated pixels are looked for."""
_PATCHES = 24
"""Patches along the long side."""
_SATURATED, _DARK = 0.95, 0.004


@dataclass(frozen=True)
class ExposureReport:
    """What was found; every array is per frame.

    Attributes:
        gains: (N, C) float32 factors that bring pixel values **as stored** to the common brightness; None where no
            frame differs by 1 % or more. For sRGB-coded pixels no factor is exact for dark and bright values at
            once: these are right for the median patch.
        drift_ev: (N,) brightness over the stack's median in stops of light, +1 = twice the light; mean of the log over
            channels.
        white_balance: (N, C) light of each channel over the frame's own drift; 1 = the colour of the stack.
        warnings: one sentence when something was found.
    """

    gains: NDArray[np.float32] | None
    drift_ev: NDArray[np.float64]
    white_balance: NDArray[np.float64]
    warnings: tuple[str, ...]


def find_gains(
    stack: FocalStack,
    alignment: Alignment | None = None,
    run: Run = Run(),
) -> ExposureReport:
    """Compare the brightness of all frames, channel by channel.

    Args:
        stack: frames as they were taken.
        alignment: where they lie; frames that it calls foreign are left alone (gain 1).
        run: progress and threads.

    >>> flat = np.full((2, 64, 64), 100, np.uint8)
    >>> find_gains(FocalStack.from_arrays(flat)).gains is None
    True
    """
    n, channels = len(stack), stack.shape[2]
    use = np.ones(n, bool) if alignment is None else alignment.aligned
    light = _patches(stack, alignment, run)
    log_gain = np.zeros((n, channels))
    if use.sum() >= 2 and np.isfinite(light).any():
        log_gain[use] = _log_drift(light[use])
    drift = log_gain.mean(1)
    gains = _stored_gains(stack, light, log_gain)
    worst = float(np.abs(gains - 1).max())
    balance = np.exp(log_gain - drift[:, None])
    if worst < NOISE:
        return ExposureReport(None, drift / np.log(2), balance, ())
    return ExposureReport(gains.astype(np.float32), drift / np.log(2), balance, _sentences(stack, drift, balance))


def _patches(stack: FocalStack, alignment: Alignment | None, run: Run) -> NDArray[np.float64]:
    """Return the mean light of patches, (N, patches, C); NaN where a patch is dark, saturated or not covered."""
    h, w, _ = stack.shape
    source: FrameSource = stack.source
    if alignment is not None and alignment.moves:
        source = WarpedSource(source, alignment.transforms, Window(0, 0, h, w), "linear")
    factor = exposure_factor(stack)
    run.stage("exposure", len(stack))
    with ThreadPoolExecutor(run.threads, thread_name_prefix="focaldepth-preview") as pool:
        waiting = [pool.submit(_frame_patches, stack, source, alignment, i, factor) for i in range(len(stack))]
        out = []
        try:
            for future in waiting:
                out.append(future.result())
                run.advance()
        finally:
            for future in waiting:
                future.cancel()
    return np.stack(out)


def _frame_patches(
    stack: FocalStack, source: FrameSource, alignment: Alignment | None, i: int, factor: int
) -> NDArray[np.float64]:
    """Return the mean light of the patches of frame i, (patches, C)."""
    preview = source.preview(i, factor)
    small_h, small_w, c = preview.shape
    step = max(1, max(small_h, small_w) // _PATCHES)
    rows, cols = max(1, small_h // step), max(1, small_w // step)
    light = to_light(preview, stack)
    bad = (preview.max(2) > _SATURATED * stack.source.white).astype(np.float32)
    if alignment is not None and alignment.moves:
        seen = inside(rescaled(alignment.transforms[i], 1 / factor), (small_h, small_w), (small_h, small_w))
        bad[~seen] = 1
    mean = cv2.resize(light, (cols, rows), interpolation=cv2.INTER_AREA).reshape(rows * cols, c)
    lost = cv2.resize(bad, (cols, rows), interpolation=cv2.INTER_AREA).ravel() > 0
    good = ~lost[:, None] & (mean > _DARK)
    return np.where(good, mean, np.nan).astype(np.float64)


def exposure_factor(stack: FocalStack) -> int:
    """Return the power of two by which frames are reduced here."""
    factor = 1
    while max(stack.shape[:2]) / factor > _PREVIEW:
        factor *= 2
    return factor


def _log_drift(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log brightness of each frame and channel over the median frame, (N, C); 0 where patches do not agree.

    A drift moves all patches alike. Defocus moves some up and some down; a median within that spread is no drift.
    """
    log = np.log(light)
    drift = np.zeros((light.shape[0], light.shape[2]))
    # The median frame is itself made of drifting frames: take the drift out and look again.
    for _ in range(3):
        common = _nanmedian(log - drift[:, None], 0)
        new = _nanmedian(log - common, 1)
        drift = new - np.median(new, 0)
    spread = 1.4826 * _nanmedian(np.abs(log - common - new[:, None]), 1)
    real = (np.abs(drift) >= np.maximum(NOISE, _SPREADS * spread)).any(1)
    drift[~real] = 0
    return drift


def _nanmedian(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the median without NaN along an axis; 0 where nothing is left."""
    filled = np.where(np.isnan(values).all(axis, keepdims=True), 0.0, values)
    out: NDArray[np.float64] = np.nanmedian(filled, axis)
    return out


def _stored_gains(stack: FocalStack, light: NDArray[np.float64], log_drift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn drift of light into the factor on stored values that is right for the median patch, (N, C)."""
    if not is_srgb(stack):
        return np.exp(-log_drift)
    out = np.ones_like(log_drift)
    for i, drift in enumerate(log_drift):
        wanted = light[i] * np.exp(-drift)
        ratio = encoded(wanted) / encoded(light[i])
        typical = _nanmedian(ratio, 0)
        out[i] = np.where(typical > 0, typical, 1.0)
    return out


def _sentences(stack: FocalStack, drift: NDArray[np.float64], balance: NDArray[np.float64]) -> tuple[str, ...]:
    stops = drift / np.log(2)
    i = int(np.argmax(np.abs(stops)))
    found = [f"brightness drifts by up to {stops[i]:+.2f} EV ({stack.info.frame_names[i]})"]
    k = int(np.argmax(np.abs(balance - 1).max(1)))
    if np.abs(balance[k] - 1).max() >= NOISE:
        found.append(f"white balance by up to {np.abs(balance[k] - 1).max():.0%} ({stack.info.frame_names[k]})")
    return (f"{' and '.join(found)}; focus measures are corrected for it.",)


def with_gains(stack: FocalStack, report: ExposureReport, *, pixels: bool = False) -> FocalStack:
    """Return the stack with the gains and the warning of a report.

    Args:
        stack: the stack that the report was made for.
        report: what was found.
        pixels: true changes the pixels themselves when they are read, exactly, in light; else they stay as they are and
            focus measures apply the gains.
    """
    info = replace(stack.info, warnings=(*stack.info.warnings, *report.warnings))
    if report.gains is None or not pixels:
        return replace(stack, gains=report.gains, info=info)
    light = 2.0 ** -report.drift_ev[:, None] / report.white_balance
    return replace(stack, source=ScaledSource(stack.source, light, is_srgb(stack)), gains=None, info=info)
