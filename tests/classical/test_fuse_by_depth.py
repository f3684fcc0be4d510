"""The all-in-focus picture beside depth edges."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from focaldepth.classical._fuse_by_depth import KnownDepth, beside_edges, fuse_by_depth, light_of
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import estimate
from focaldepth.scenes.layers import LayeredScene, render

H, W = 64, 96
FOCUS = np.array([1.0, 2.0, 3.0])


def stack_of(frames: np.ndarray, gains: np.ndarray | None = None) -> FocalStack:
    return replace(FocalStack.from_arrays(frames, FocusAxis(FOCUS, Unit.DIOPTRE)), gains=gains)


def two_halves(stack: FocalStack, px: float = 5.0, factor: int = 1, sigma: float = 0.01) -> KnownDepth:
    """Left at the first focus, right at the last."""
    position = np.full((H, W), 3.0, np.float32)
    position[:, : W // 2] = 1
    grid = np.ascontiguousarray(position[::factor, ::factor])
    edges = beside_edges(grid, np.ones_like(grid), px)
    light = light_of(np.where(grid < 2, 0, 2).astype(np.int16), stack.gains, stack.shape[2])
    return KnownDepth(position, np.full((H, W), sigma, np.float32), edges, light, factor, px)


def noise(seed: int, channels: int = 3, top: float = 255) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2 * top, 0.8 * top, (3, H, W, channels))


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint16, 1), (np.float32, 3)])
@pytest.mark.parametrize("factor", [1, 2])
def test_beside_an_edge_each_side_comes_from_its_own_frame(dtype: type, channels: int, factor: int) -> None:
    top = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    frames = noise(0, channels, top).astype(dtype)
    stack = stack_of(frames)
    picture = np.zeros((H, W, channels), dtype)
    out = fuse_by_depth(stack, picture, two_halves(stack, factor=factor), Run(threads=2))
    assert out.dtype == dtype
    left, right = (slice(8, -8), slice(W // 2 - 4, W // 2 - 1)), (slice(8, -8), slice(W // 2 + 1, W // 2 + 4))
    tolerance = 0.03 * top
    assert np.abs(out[left].astype(float) - frames[0][left]).max() < tolerance
    assert np.abs(out[right].astype(float) - frames[2][right]).max() < tolerance
    assert (out[:, :8] == 0).all()
    assert (out[:, -8:] == 0).all()
    assert (picture == 0).all()


def test_without_edges_the_picture_stays() -> None:
    stack = stack_of(noise(1).astype(np.uint8))
    picture = np.zeros((H, W, 3), np.uint8)
    flat = replace(two_halves(stack), edges=np.zeros((H, W), np.float32))
    assert fuse_by_depth(stack, picture, flat, Run()) is picture


def test_depth_that_is_not_known_changes_nothing() -> None:
    stack = stack_of(noise(2).astype(np.uint8))
    picture = np.full((H, W, 3), 77, np.uint8)
    out = fuse_by_depth(stack, picture, two_halves(stack, sigma=1e3), Run())
    assert np.abs(out.astype(int) - 77).max() <= 1


def test_frames_of_other_brightness_are_levelled() -> None:
    """One frame is twice as bright; the picture by score shows both halves as they are."""
    scene = cv2.GaussianBlur(noise(3)[0], (0, 0), 2)
    gains = np.array([[1.0] * 3, [1.0] * 3, [0.5] * 3], np.float32)
    frames = np.stack([scene / g for g in gains[:, 0]]).clip(0, 65535).astype(np.uint16)
    stack = stack_of(frames, gains)
    known = two_halves(stack)
    ratio = 1 / known.light
    picture = (scene * ratio).astype(np.uint16)
    out = fuse_by_depth(stack, picture, known, Run())
    assert np.abs(out / np.maximum(picture, 1.0) - 1).max() < 0.02


def test_frames_that_are_alike_are_averaged() -> None:
    """Blur of a hundredth of a pixel: what differs is noise, and three frames have less of it than one."""
    clean = np.full((3, H, W, 3), 128.0)
    frames = (clean + np.random.default_rng(4).normal(0, 6, clean.shape)).round().astype(np.uint8)
    stack = stack_of(frames)
    known = replace(two_halves(stack), px_per_unit=0.01, edges=np.ones((H, W), np.float32))
    out = fuse_by_depth(stack, frames[0], known, Run())
    assert out.astype(float).std() < 0.75 * frames[0].astype(float).std()


def test_places_that_a_frame_does_not_show_are_no_edges() -> None:
    position = np.full((H, W), 3.0, np.float32)
    position[:, : W // 2] = 1
    assert beside_edges(position, np.zeros_like(position), 5.0).max() == 0
    assert beside_edges(position, np.ones_like(position), 0.1).max() == 0


def test_halos_of_layered_scenes_become_smaller(monkeypatch) -> None:
    """The background beside a blurred foreground: nearer to the truth than without the second reading."""
    gains = []
    for seed in (3, 5, 6):
        scene = render(
            LayeredScene(seed=seed, frames=10, blur_px=2.0, height=128, width=160, noise=0, shot=0, relief=0)
        )
        pictures = [estimate(scene.stack, method="classical", align="none").all_in_focus]
        with monkeypatch.context() as patched:
            patched.setattr("focaldepth.classical._finish.fuse_by_depth", lambda stack, picture, known, run: picture)
            pictures.append(estimate(scene.stack, method="classical", align="none").all_in_focus)
        errors = [float(np.square(p.astype(float) - scene.all_in_focus).mean()) for p in pictures]
        gains.append(10 * np.log10(errors[1] / errors[0]))
    assert min(gains) > -0.05
    assert np.mean(gains) > 0.2
