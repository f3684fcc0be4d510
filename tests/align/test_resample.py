"""Resampling in two passes gives what a warp gives, wherever it is used."""

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from focaldepth.align._geometry import apply_to
from focaldepth.align._resample import resampled

from .conftest import scene, similarity

H, W = 120, 200
PICTURE = cv2.GaussianBlur(scene((H, W)), (0, 0), 1.0)[:H, :W].copy()


def kernel(distance, a=-0.75):
    t = np.abs(distance)
    inner, outer = (a + 2) * t**3 - (a + 3) * t**2 + 1, a * (t**3 - 5 * t**2 + 8 * t - 4)
    return np.where(t <= 1, inner, np.where(t < 2, outer, 0))


def plain(picture, transform, size):
    """Slow and plain: sixteen weights for every pixel; beyond the border the nearest pixel."""
    y, x = np.mgrid[: size[0], : size[1]]
    at = apply_to(transform, np.stack([x, y], -1).astype(float))
    first = np.floor(at).astype(int)
    out = np.zeros((*size, picture.shape[2]))
    for dy in range(-1, 3):
        for dx in range(-1, 3):
            col, row = first[..., 0] + dx, first[..., 1] + dy
            weight = kernel(at[..., 0] - col) * kernel(at[..., 1] - row)
            taken = picture[np.clip(row, 0, picture.shape[0] - 1), np.clip(col, 0, picture.shape[1] - 1)]
            out += weight[..., None] * taken.astype(float)
    return out


def shows(transform, size, margin=2):
    """Where the kernel meets pixels that were taken."""
    y, x = np.mgrid[: size[0], : size[1]]
    at = apply_to(transform, np.stack([x, y], -1).astype(float))
    return ((at >= margin) & (at <= [W - 1 - margin, H - 1 - margin])).all(-1)


scales = st.one_of(st.just(1.0), st.floats(0.9, 0.98), st.floats(0.999, 1.001), st.floats(1.02, 1.1))
motions = st.builds(
    lambda s, degrees, dx, dy: similarity(s, degrees, dx, dy, (H, W)),
    scales,
    st.floats(-0.04, 0.04),
    st.floats(-30, 30),
    st.floats(-30, 30),
)


@settings(max_examples=60)
@given(motions)
def test_samples_lie_where_the_transform_puts_them(transform):
    """Within 1/32 px in each direction."""
    got = resampled(PICTURE, transform, (H, W))
    assume(got is not None)
    steps = max(np.abs(np.diff(PICTURE, axis=k)).max() for k in (0, 1))
    error = np.abs(got - plain(PICTURE, transform, (H, W)))[shows(transform, (H, W))]
    assert error.max(initial=0) < steps * 2 / 32
    assert np.sqrt((error**2).sum()) <= 0.01 * PICTURE.std() * np.sqrt(error.size)


@pytest.mark.parametrize("transform", [similarity(s, 0.01, 3.3, -2.6, (H, W)) for s in (0.9573, 0.9997, 1.0, 1.0511)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 4095), (np.float32, 1)])
def test_equals_a_warp_but_for_rounding(dtype, white, channels, transform):
    picture = np.clip(PICTURE[..., :channels] * white, 0, white)
    picture = np.ascontiguousarray(picture.astype(dtype))
    got = resampled(picture, transform, (H, W))
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(picture, transform[:2], (W, H), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    assert got.dtype == dtype
    assert got.shape == (H, W, channels)
    assert got.flags.c_contiguous
    difference = np.abs(got.astype(float) - warped.reshape(got.shape))[shows(transform, (H, W))]
    assert difference.max() <= 0.012 * white + (dtype != np.float32)


def test_size_and_window_are_those_asked_for():
    transform = similarity(1.05123, 0.0, 0, 0, (H, W)) @ np.array([[1, 0, 20.0], [0, 1, 10.0], [0, 0, 1]])
    got = resampled(PICTURE, transform, (90, 150))
    whole = resampled(PICTURE, similarity(1.05123, 0.0, 0, 0, (H, W)), (H, W))
    assert got.shape == (90, 150, 3)
    np.testing.assert_allclose(got, whole[10:100, 20:170], atol=0.01)


@pytest.mark.parametrize("shift", [-37.5, 37.5, -500.5, 500.5])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_nearest_pixels_are_repeated_outside(shift, axis):
    transform = np.eye(3)
    transform[1 - axis, 2] = shift
    got = resampled(PICTURE, transform, (H, W))
    nearest = np.take(PICTURE, [0 if shift < 0 else -1], axis)
    outside = slice(0, 30) if shift < 0 else slice(-30, None)
    part = (slice(None), outside) if axis else (outside, slice(None))
    np.testing.assert_allclose(got[part], np.broadcast_to(nearest, PICTURE.shape)[part], atol=1e-6)


@pytest.mark.parametrize(
    "transform",
    [
        pytest.param(similarity(1.0, 2.0, 0, 0, (H, W)), id="turned"),
        pytest.param(similarity(1.25, 0.0, 0, 0, (H, W)), id="meets four fractions of a pixel only"),
        pytest.param(similarity(1.004, 0.0, 0, 0, (H, W)), id="too short for its scale"),
    ],
)
def test_where_a_warp_is_as_fast_none_is_said(transform):
    assert resampled(PICTURE, transform, (H, W)) is None
