"""All-in-focus pictures."""

import cv2
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


@pytest.mark.parametrize("tiles", [1, 12])
@pytest.mark.parametrize("method", [ClassicalFast(fusion="colour"), Naive()])
def test_source_frames_rebuild_the_colour_faithful_picture(method, tiles):
    stack = render(LayeredScene(seed=6, frames=4, height=97, width=130)).stack
    frames = np.tile(stack.read_all(), (1, tiles, tiles, 1))
    made = method(FocalStack.from_arrays(frames, stack.axis))
    rebuilt = np.take_along_axis(frames, made.source_frame[None, :, :, None].astype(int), 0)[0]
    np.testing.assert_array_equal(rebuilt, made.all_in_focus)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_multiband_is_closer_to_the_truth_than_plain_selection(seed):
    made = render(LayeredScene(seed=seed, frames=8, height=128, width=160, noise=0.004))
    picture = ClassicalFast()(made.stack).all_in_focus
    plain = Naive()(made.stack).all_in_focus
    assert psnr(picture, made.all_in_focus) > psnr(plain, made.all_in_focus) + 0.5


def max_pyramid(frames, levels=5):
    """The plain fusion of Burt & Kolczynski: the largest coefficient of every band wins."""
    bands = None
    for frame in frames.astype(np.float32):
        own = []
        for _ in range(levels):
            below = cv2.pyrDown(frame)
            own.append(frame - cv2.pyrUp(below, dstsize=frame.shape[1::-1]))
            frame = below
        own.append(frame)
        if bands is None:
            bands = own
        else:
            bands = [np.where(np.abs(b) > np.abs(a), b, a) for a, b in zip(bands, own, strict=True)]
    picture = bands[-1]
    for band in reversed(bands[:-1]):
        picture = cv2.pyrUp(picture, dstsize=band.shape[1::-1]) + band
    return picture


def bright_bar_on_dark(size=160, frames=9):
    """A bright, fine-grained bar before a dark, finely grained wall; the bar's blur spreads light over the wall."""
    random = np.random.default_rng(3)
    wall = 40 + 12 * random.standard_normal((size, size, 1))
    bar = 215 + 12 * random.standard_normal((size, size, 1))
    inside = np.zeros((size, size), np.float32)
    inside[:, size // 2 - 20 : size // 2 + 20] = 1
    stack = []
    for i in range(frames):
        near, far = (1.2 * abs(i - at) + 1e-3 for at in (2, 6))
        cover = cv2.GaussianBlur(inside, (0, 0), near)[..., None]
        front = cv2.GaussianBlur(bar * inside[..., None], (0, 0), near)[..., None]
        stack.append(front + (1 - cover) * cv2.GaussianBlur(wall, (0, 0), far)[..., None])
    stack = np.repeat(np.clip(np.rint(stack), 0, 255).astype(np.uint8), 3, -1)
    best = np.where(inside[..., None] > 0, stack[2], stack[6])
    band = cv2.dilate(inside, np.ones((41, 41))) - cv2.dilate(inside, np.ones((5, 5))) > 0
    return stack, best, band


@pytest.mark.parametrize("fusion", ["multiband", "colour"])
def test_halo_beside_a_bright_edge_is_smaller_than_that_of_a_max_pyramid(fusion):
    """False light beside the bar, over what the frame that is focused on the wall shows there."""
    frames, best, band = bright_bar_on_dark()
    ours = ClassicalFast(fusion=fusion)(FocalStack.from_arrays(frames)).all_in_focus

    def halo(picture):
        return float(np.abs(cv2.blur(picture.mean(-1) - best.mean(-1), (5, 5)))[band].mean())

    assert halo(ours) < 0.5 * halo(max_pyramid(frames))


def test_large_pictures_on_the_half_grid_look_the_same():
    """The grid factor is chosen by size; the picture must not depend on it."""
    made = render(LayeredScene(seed=7, frames=4, height=96, width=128))
    frames = made.stack.read_all()
    tiled = np.tile(frames, (1, 12, 15, 1))
    big = ClassicalFast()(FocalStack.from_arrays(tiled, made.stack.axis)).all_in_focus[96:192, 128:256]
    small = ClassicalFast()(made.stack).all_in_focus
    assert psnr(big[16:-16, 16:-16], small[16:-16, 16:-16]) > 36
