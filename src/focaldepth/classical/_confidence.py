"""How far a depth can be trusted: which window to believe, one standard deviation, and validity."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane, Window, enlarge_part
from focaldepth.classical._sigma_model import log_sigma
from focaldepth.classical._stream import Streamed

ENOUGH = 4.0
"""A window is believed once its focus curve rises this many noise deviations above its lowest value."""
_ISLAND = 2.0
"""Valid areas that hold fewer independent measurements than this are what noise alone can make."""
_INSIDE = 0.02
"""Steps by which a valid depth lies inside the focus range."""
_SPREADS_PX = (9, 25)
_HOPELESS_SECOND = 0.4
_OWN_SHARE = 0.25
"""Below this share of the rise in the wide window, what is heard is the texture around, not the pixel's own."""
_BAND, _HALO = 192, 16
_STRIP = 32
_LEAST_INNER = 0.02
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class WindowPeak:
    """The fitted peak of one window on the base grid; planes (h, w) float32.

    Attributes:
        position: on the blur-linear axis.
        signal: rise of the focus curve over the noise expected in this window.
        relative: rise over the highest score, 0..1.
        second: prominence of the next peak, 0..1.
        at_end: 1 where the highest score is that of the first or last frame.
        curvature: rise of the reciprocal score one mean step away from the peak, x 2.
        rise: highest minus lowest score, as a mean over the window.
    """

    position: Plane
    signal: Plane
    relative: Plane
    second: Plane
    at_end: Plane
    curvature: Plane
    rise: Plane


@dataclass(frozen=True)
class Chosen:
    """The believed window of every pixel: its number and its peak."""

    window: NDArray[np.uint8]
    peak: WindowPeak


@dataclass(frozen=True)
class Trust:
    """What is known of the depth of every grid pixel.

    Attributes:
        sigma: one standard deviation, blur-linear unit.
        valid: the depth may be used.
        measured: the frames say something about this pixel, even if it is not good enough to be valid.
    """

    sigma: Plane
    valid: Mask
    measured: Mask


@dataclass(frozen=True)
class Judged:
    """Depth of every grid pixel and what is known of it; planes (h, w).

    Attributes:
        position: on the blur-linear axis.
        trust: sigma and validity.
    """

    position: Plane
    trust: Trust


def judge(
    state: Streamed, windows: Sequence[Window], focus: NDArray[np.float64], max_sigma: float, threads: int = 1
) -> Judged:
    """Choose a window and judge every grid pixel, in bands that stay in the cache, several at once."""
    h, w = state.covered.shape
    position, sigma = (np.empty((h, w), np.float32) for _ in range(2))
    valid, measured = (np.empty((h, w), bool) for _ in range(2))
    window = np.empty((h, w), np.uint8)

    def judge_band(y: int) -> None:
        # The halo is what the widest spread looks at.
        first, last, stop = max(y - _HALO, 0), min(y + _BAND + _HALO, h), min(y + _BAND, h)
        peaks = peaks_on_grid(state, windows, focus, slice(first, last))
        chosen = choose(peaks)
        found = trust(peaks, chosen, state, focus, max_sigma, slice(first, last))
        band, inner = slice(y, stop), slice(y - first, stop - first)
        position[band], window[band] = chosen.peak.position[inner], chosen.window[inner]
        sigma[band], valid[band], measured[band] = found.sigma[inner], found.valid[inner], found.measured[inner]

    with ThreadPoolExecutor(threads, thread_name_prefix="focaldepth-judge") as pool:
        list(pool.map(judge_band, range(0, h, _BAND)))
    finest = state.trackers[0]
    if nowhere_in_focus(finest.index, finest.count, measured):
        valid[:], sigma[:] = False, np.ptp(focus) / np.sqrt(3)
    valid = without_islands(valid, window, [4 * np.pi * (w.sigma / state.factor) ** 2 for w in windows])
    return Judged(position, Trust(sigma, valid, measured))


def nowhere_in_focus(sharpest: NDArray[np.int16], frames: int, measured: Mask) -> bool:
    """Tell whether next to nothing is sharpest between the first and the last frame: no depth can be trusted then.

    Args:
        sharpest: (h, w) frame with the highest score.
        frames: number of frames.
        measured: (h, w) where the score rises out of the noise.
    """
    inner = (sharpest > 0) & (sharpest < frames - 1) & measured
    return float(inner.sum()) < _LEAST_INNER * max(float(measured.sum()), 1.0)


def band_bytes(width: int, threads: int = 2) -> int:
    """Memory of the bands that are judged at once, for a grid of this width; measured."""
    return 240 * (_BAND + 2 * _HALO) * width * threads


def without_islands(valid: Mask, window: NDArray[np.uint8], areas: Sequence[float]) -> Mask:
    """Drop connected areas of valid pixels that are smaller than the windows which measured them.

    Neighbours within one window share their noise, so noise alone makes areas of about its size that look certain.

    Args:
        valid: (h, w) bool.
        window: (h, w) number of the believed window.
        areas: effective area of each window in pixels (4 pi sigma^2 of a Gaussian).
    """
    count, labels = cv2.connectedComponents(valid.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    held = np.zeros(count)
    for number, area in enumerate(areas):
        held += np.bincount(labels[window == number], minlength=count) / area
    kept = held >= _ISLAND
    kept[0] = False
    large: Mask = kept[labels]
    return large


def peaks_on_grid(
    state: Streamed, windows: Sequence[Window], focus: NDArray[np.float64], rows: slice
) -> list[WindowPeak]:
    """Fit the peaks of all windows at some rows of the base grid."""
    return [_peak(state, number, window, focus, rows) for number, window in enumerate(windows)]


def _peak(state: Streamed, number: int, window: Window, focus: NDArray[np.float64], rows: slice) -> WindowPeak:
    tracker, coarse = state.trackers[number], window.coarse
    first, last = max(rows.start // coarse - 1, 0), min(-(-rows.stop // coarse) + 1, len(tracker.best))
    planes = [np.empty((last - first, tracker.best.shape[1]), np.float32) for _ in fields(WindowPeak)]
    # Averaging over a window of width sigma lowers noise in proportion; state.noise is the level itself.
    expected = np.float32(max(state.noise * window.weight / window.sigma, 1e-3))
    for y in range(first, last, _STRIP):
        part = slice(y, min(y + _STRIP, last))
        fit = tracker.fit(focus, part)
        relative = fit.contrast / np.maximum(tracker.best[part], np.float32(1e-6))
        rise = fit.contrast / np.float32(window.weight)
        values = (fit.position, fit.contrast / expected, relative, fit.second, fit.at_end, fit.curvature, rise)
        for plane, value in zip(planes, values, strict=True):
            plane[y - first : part.stop - first] = value
    inner = slice(rows.start - first * coarse, rows.stop - first * coarse)
    cols = slice(0, state.covered.shape[1])
    return WindowPeak(*(enlarge_part(p, inner, cols, coarse) for p in planes))


def choose(peaks: Sequence[WindowPeak]) -> Chosen:
    """Take the finest window whose signal stands out of the noise; the widest where none does."""
    window = np.full(peaks[0].signal.shape, len(peaks) - 1, np.uint8)
    for number in range(len(peaks) - 2, -1, -1):
        window[peaks[number].signal > ENOUGH] = number
    masks = [cv2.compare(window, float(number), cv2.CMP_EQ) for number in range(len(peaks) - 1)]

    def pick(name: str) -> Plane:
        plane: Plane = getattr(peaks[-1], name).copy()
        for number, mask in enumerate(masks):
            cv2.copyTo(getattr(peaks[number], name), mask, plane)
        return plane

    return Chosen(window, WindowPeak(*(pick(f.name) for f in fields(WindowPeak))))


def features(peaks: Sequence[WindowPeak], chosen: Chosen, step: float, factor: int) -> list[Plane]:
    """Return what the sigma model reads, planes on the base grid, in the order of the model's terms.

    Distances are in steps (mean distance of neighbouring frames), so the model knows no unit.
    """
    scale = np.float32(1 / step)
    fine, middle, wide = peaks
    spreads = [_spread(chosen.peak.position, max(3, px // factor | 1)) * scale for px in _SPREADS_PX]
    return [
        np.log(np.clip(chosen.peak.signal, 0.3, 1e4)),
        chosen.peak.second,
        np.log(np.abs(fine.position - middle.position) * scale + np.float32(0.03)),
        np.log(np.abs(middle.position - wide.position) * scale + np.float32(0.03)),
        np.log(spreads[0] + np.float32(0.02)),
        np.log(spreads[1] + np.float32(0.03)),
        chosen.peak.at_end,
        (chosen.window == 1).astype(np.float32),
        (chosen.window == 2).astype(np.float32),
        np.log(np.clip(chosen.peak.relative, 1e-3, 1)),
        np.log(chosen.peak.curvature + np.float32(0.02)),
    ]


def _spread(position: Plane, size: int) -> Plane:
    """Standard deviation in a box window."""
    centred = position - np.float32(position.mean(dtype=np.float64))
    mean = cv2.blur(centred, (size, size))
    square = cv2.sqrBoxFilter(centred, cv2.CV_32F, (size, size))
    spread: Plane = np.sqrt(np.maximum(square - mean * mean, 0))
    return spread


def trust(
    peaks: Sequence[WindowPeak],
    chosen: Chosen,
    state: Streamed,
    focus: NDArray[np.float64],
    max_sigma: float,
    rows: slice = slice(None),
) -> Trust:
    """Judge the grid pixels of the rows on which the peaks lie.

    Not measured: nothing but noise even in the widest window, saturation, or not every frame shows it. Measured but
    not valid: no clear signal or one from the surroundings alone, too wide a sigma, a peak at the first or last frame,
    two peaks of nearly one height.
    """
    step = float(np.abs(np.diff(focus)).mean())
    extent = float(np.ptp(focus))
    sigma = np.exp(log_sigma(features(peaks, chosen, step, state.factor))) * np.float32(step)
    # Nothing is known: no worse than a guess in the middle of the range.
    sigma = np.minimum(sigma, np.float32(extent / np.sqrt(12) * 2)).astype(np.float32)
    heard = peaks[-1].signal > ENOUGH
    for peak in peaks[:-1]:
        heard |= peak.signal > ENOUGH
    measured = (peaks[-1].signal > 1) & (state.saturated[rows] < 0.5) & (state.covered[rows] > 0.99)
    own = peaks[0].rise > _OWN_SHARE * peaks[-1].rise
    valid = measured & heard & own & (sigma <= max_sigma * extent)
    valid &= (chosen.peak.at_end < 0.5) & (chosen.peak.second < _HOPELESS_SECOND)
    # A fit that leads to the very end of the range may lead beyond it.
    inside = np.float32(_INSIDE * step)
    position = chosen.peak.position
    valid &= (position > focus.min() + inside) & (position < focus.max() - inside)
    return Trust(sigma, valid, measured)
