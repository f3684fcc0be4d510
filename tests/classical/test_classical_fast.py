"""Depth, sigma and validity of the streaming method."""

import tracemalloc

import numpy as np
import pytest

from focaldepth.classical._fill import complete
from focaldepth.classical._stream import FrameScorer
from focaldepth.classical.classical_fast import ClassicalFast
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.stack import FocalStack
from focaldepth.scenes.layers import LayeredScene, render


def run(made, **settings):
    return ClassicalFast(fusion="none", **settings)(made.stack)


@pytest.mark.parametrize("seed", [0, 1, 8])
def test_tilted_plane_is_found_to_a_tenth_of_a_step(seed):
    """R20: RMS below a tenth of a frame step, read noise 0.4 %, in the valid pixels away from the border."""
    plane = {"layers": 0, "relief": 0.0, "contrast": 1.0, "blur_px": 2, "noise": 0.004}
    made = render(LayeredScene(seed=seed, frames=12, height=128, width=160, **plane))
    found = run(made).map
    step = np.abs(np.diff(made.stack.axis.values)).mean()
    inner = np.zeros(found.shape, bool)
    inner[8:-8, 8:-8] = True
    use = found.valid & inner
    assert use.mean() > 0.5
    assert np.sqrt(np.mean((found.values - made.truth.values)[use] ** 2)) < 0.1 * step


def test_one_sigma_covers_what_it_says_on_unseen_scenes():
    """R22: the 68 % interval within 5 points, on random lenses, noise and texture never used for calibration.

    Errors at depth edges have a heavier tail than a Gaussian: 1.96 sigma holds about 85 %, not 95 %; see
    docs/requirements.md.
    """
    inside = {1.0: [], 1.96: []}
    for seed in range(2000, 2018):
        made = render(LayeredScene.varied(seed, height=96, width=128))
        found = run(made).map
        error = np.abs(found.values - made.truth.values) / found.sigma
        for width, shares in inside.items():
            shares.append(error[found.valid] < width)
    assert np.concatenate(inside[1.0]).mean() == pytest.approx(0.683, abs=0.05)
    assert np.concatenate(inside[1.96]).mean() > 0.8


def planted(frames):
    """A textured plane in focus at the middle frame."""
    made = render(LayeredScene(seed=4, frames=9, layers=0, height=96, width=128, contrast=1.0, noise=0.003))
    return made, made.stack.read_all().copy()


def test_plain_areas_are_not_valid():
    """R23: no texture."""
    made, frames = planted(9)
    random = np.random.default_rng(0)
    frames[:, 20:80, 20:80] = 120 + random.integers(-1, 2, frames[:, 20:80, 20:80].shape)
    found = ClassicalFast(fusion="none")(FocalStack.from_arrays(frames, made.stack.axis)).map
    assert found.valid[40:60, 40:60].mean() < 0.1
    around = np.ones(found.shape, bool)
    around[10:90, 10:90] = False
    assert found.valid[around].mean() > 0.3


def test_saturated_areas_are_not_valid():
    """R23: saturation."""
    made, frames = planted(9)
    frames[:, 30:60, 30:60] = 255
    found = ClassicalFast(fusion="none")(FocalStack.from_arrays(frames, made.stack.axis)).map
    assert not found.valid[36:54, 36:54].any()


def test_peaks_at_the_ends_are_not_valid():
    """R23: what is sharpest in the first or last frame may lie outside of the range."""
    made, frames = planted(9)
    depth = made.truth.values
    axis = made.stack.axis
    outside = depth > axis.values[4]
    cut = FocalStack.from_arrays(frames[5:], axis.take(range(5, 9)))
    found = ClassicalFast(fusion="none")(cut).map
    deep = outside & (depth > axis.values[4] + 0.5 * abs(axis.values[1] - axis.values[0]))
    if deep.any():
        assert found.valid[deep].mean() < 0.1


@pytest.mark.parametrize("kind", ["constant", "noise"])
def test_nothing_is_claimed_where_nothing_can_be_known(kind):
    shape = (8, 64, 80, 3)
    random = np.random.default_rng(2)
    frames = np.full(shape, 100, np.uint8) if kind == "constant" else random.integers(90, 110, shape).astype(np.uint8)
    found = ClassicalFast()(FocalStack.from_arrays(frames))
    assert found.map.valid.mean() < 0.02
    assert np.isfinite(found.filled.values).all()


@pytest.mark.parametrize("factor", [1, 2])
def test_strips_leave_no_trace(factor):
    frame = np.random.default_rng(0).integers(0, 255, (200, 70, 3)).astype(np.uint8)
    whole, _ = FrameScorer(frame.shape, frame.dtype, factor)(frame, 255.0)
    cut = np.ascontiguousarray(frame[40:180])
    part, _ = FrameScorer(cut.shape, cut.dtype, factor)(cut, 255.0)
    inner = slice(2, -2)
    assert np.array_equal(whole[40 // factor : 180 // factor][inner], part[inner])


def test_16_bit_and_float_agree_with_8_bit():
    made = render(LayeredScene(seed=8, frames=6, height=64, width=80))
    frames = made.stack.read_all()
    eight = ClassicalFast(fusion="none")(made.stack)
    for other in (frames.astype(np.uint16) * 257, frames.astype(np.float32) / 255):
        same = ClassicalFast(fusion="none")(FocalStack.from_arrays(other, made.stack.axis))
        assert np.allclose(same.index, eight.index, atol=1e-3)


def test_memory_does_not_grow_with_the_number_of_frames():
    class Endless:
        shape, dtype, white = (240, 320, 3), np.dtype(np.uint8), 255.0

        def __init__(self, n):
            self.n = n

        def __len__(self):
            return self.n

        def read(self, i):
            return np.random.default_rng(i).integers(0, 255, self.shape, np.uint8)

        def preview(self, i, factor):
            return self.read(i)[::factor, ::factor]

        def coverage(self, i):
            return None

    def peak(n):
        tracemalloc.start()
        ClassicalFast()(FocalStack(Endless(n), FocusAxis(np.arange(n, dtype=float), Unit.INDEX)))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    # How the threads meet moves a single peak by a frame or two: the least of three is what a run needs.
    assert min(peak(40) for _ in range(3)) < 1.1 * min(peak(10) for _ in range(3))


def test_filled_pixels_come_from_their_surroundings_and_are_less_sure():
    values = np.where(np.arange(40) < 20, 1.0, 3.0).astype(np.float32) * np.ones((30, 1), np.float32)
    known = np.ones(values.shape, bool)
    known[10:16, 5:10] = False
    sigma = np.full(values.shape, 0.1, np.float32)
    filled, wide = complete(values, sigma, known)
    assert np.allclose(filled[10:16, 5:10], 1.0, atol=0.05)
    assert np.array_equal(filled[known], values[known])
    assert (wide[10:16, 5:10] >= 0.0999).all()
