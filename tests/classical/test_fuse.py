"""All-in-focus pictures."""

import numpy as np
import pytest

from focaldepth.classical._fuse import FUSERS
from focaldepth.classical.classical_fast import ClassicalFast
from focaldepth.classical.naive import Naive
from focaldepth.core.stack import FocalStack
from focaldepth.scenes.layers import LayeredScene, render


def psnr(picture, truth):
    return 10 * np.log10(255**2 / np.mean((picture.astype(float) - truth.astype(float)) ** 2))


@pytest.mark.parametrize("name", ["multiband", "colour"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(33, 47, 3), (130, 20, 1), (3, 3, 3)])
@pytest.mark.parametrize("factor", [1, 2])
def test_equal_frames_give_that_frame(name, dtype, shape, factor):
    random = np.random.default_rng(1)
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    frame = (random.random(shape) * white).astype(dtype)
    fuser = FUSERS[name](shape, np.dtype(dtype), factor)
    grid = (-(-shape[0] // factor), -(-shape[1] // factor))
    for i in range(3):
        score = np.full(grid, 1 + i, np.float32)
        fuser.update(frame, score, np.full(grid, 255, np.uint8))
    out = fuser.finish()
    assert out.dtype == dtype
    assert np.abs(out.astype(float) - frame).max() <= max(white / 255, 1e-5)


def test_colour_takes_every_value_from_an_input():
    stack = render(LayeredScene(seed=5, frames=6, height=64, width=80)).stack
    frames = stack.read_all()
    picture = ClassicalFast(fusion="colour")(stack).all_in_focus
    assert (frames == picture[None]).all(-1).any(0).all()


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_multiband_is_closer_to_the_truth_than_plain_selection(seed):
    made = render(LayeredScene(seed=seed, frames=8, height=128, width=160, noise=0.004))
    picture = ClassicalFast()(made.stack).all_in_focus
    plain = Naive()(made.stack).all_in_focus
    assert psnr(picture, made.all_in_focus) > psnr(plain, made.all_in_focus) + 0.5


def test_large_pictures_on_the_half_grid_look_the_same():
    """The grid factor is chosen by size; the picture must not depend on it."""
    made = render(LayeredScene(seed=7, frames=4, height=96, width=128))
    frames = made.stack.read_all()
    tiled = np.tile(frames, (1, 12, 15, 1))
    big = ClassicalFast()(FocalStack.from_arrays(tiled, made.stack.axis)).all_in_focus[96:192, 128:256]
    small = ClassicalFast()(made.stack).all_in_focus
    assert psnr(big[16:-16, 16:-16], small[16:-16, 16:-16]) > 36
