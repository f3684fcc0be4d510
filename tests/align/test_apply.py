"""Warping on reading: coverage, crop, frames left out, reuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from focaldepth.align._geometry import apply_to, rescaled
from focaldepth.align._run import align, from_transforms
from focaldepth.align._warp import apply
from focaldepth.align._warped import common_window, inside
from focaldepth.core.alignment import Alignment
from focaldepth.core.errors import AlignmentError, SettingError
from focaldepth.core.stack import FocalStack, reduce_frame

from .conftest import frames_of, similarity, stack_of

H, W = 60, 80


def covered(t, source, target):
    """Slow and plain: every pixel centre, transformed."""
    y, x = np.mgrid[: target[0], : target[1]]
    q = apply_to(t, np.stack([x, y], -1).astype(float))
    eps = 1e-6
    ok = (q >= -eps).all(-1) & (q[..., 0] <= source[1] - 1 + eps) & (q[..., 1] <= source[0] - 1 + eps)
    return ok & ((np.stack([x, y, np.ones_like(x)], -1) @ t[2]) > 0)


motions = st.builds(
    lambda s, r, dx, dy, p: similarity(s, r, dx, dy, (H, W)) @ np.array([[1, 0, 0], [0, 1, 0], [p, -p, 1.0]]),
    st.floats(0.8, 1.25),
    st.floats(-20, 20),
    st.floats(-15, 15),
    st.floats(-15, 15),
    st.floats(-1e-3, 1e-3),
)


@given(motions)
def test_coverage_equals_geometry(t):
    np.testing.assert_array_equal(inside(t, (H, W), (H, W)), covered(t, (H, W), (H, W)))


@settings(max_examples=30)
@given(st.lists(motions, min_size=1, max_size=3))
def test_common_window_is_covered_by_all_and_cannot_grow(transforms):
    common = np.all([covered(t, (H, W), (H, W)) for t in transforms], axis=0)
    if not common.any():
        with pytest.raises(AlignmentError, match="no area in common"):
            common_window(np.stack(transforms), (H, W))
        return
    win = common_window(np.stack(transforms), (H, W))
    assert common[win.y : win.y + win.h, win.x : win.x + win.w].all()
    assert win.h * win.w == largest_rectangle(common)


def largest_rectangle(mask):
    best, height = 0, np.zeros(mask.shape[1], int)
    for row in mask:
        height = np.where(row, height + 1, 0)
        for a in range(len(height)):
            low = np.minimum.accumulate(height[a:])
            best = max(best, int((low * np.arange(1, len(low) + 1)).max()))
    return best


@pytest.fixture(scope="module")
def pair():
    transforms = np.stack([np.eye(3), similarity(1.03, 0.5, 4, -3), similarity(0.98, 0, -5.5, 2.25)])
    return stack_of(frames_of(transforms, noise=0, blur=0.0)), transforms


def test_warped_frames_show_the_same_scene(pair):
    stack, transforms = pair
    out = apply(stack, from_transforms(stack, transforms)).stack
    assert out.shape == stack.shape
    assert out.dtype == np.uint8
    first = out.source.read(0).astype(float)
    assert out.source.coverage(0) is None
    for i in (1, 2):
        mask = out.source.coverage(i)
        np.testing.assert_array_equal(mask, covered(transforms[i], stack.shape[:2], stack.shape[:2]))
        inner = mask.copy()
        inner[:3] = inner[-3:] = False
        inner[:, :3] = inner[:, -3:] = False
        error = (out.source.read(i) - first)[inner]
        assert np.sqrt((error**2).mean()) < 4


def test_cubic_keeps_more_detail_than_linear(pair):
    stack, transforms = pair
    plan = from_transforms(stack, transforms)
    truth = stack.source.read(0)[10:-10, 10:-10].astype(float)
    rms = {}
    for kind in ("linear", "cubic", "lanczos"):
        got = apply(stack, plan, interpolation=kind).stack.source.read(2)[10:-10, 10:-10]
        rms[kind] = np.sqrt(((got - truth) ** 2).mean())
    assert rms["linear"] > 1.2 * rms["cubic"]


def test_preview_is_the_reduced_warped_frame(pair):
    stack, transforms = pair
    out = apply(stack, from_transforms(stack, transforms)).stack
    small = out.source.preview(1, 4).astype(float)
    full = reduce_frame(out.source.read(1), 4).astype(float)
    assert small.shape == full.shape
    assert np.abs(small - full)[3:-3, 3:-3].mean() < 3


def test_crop_and_mask_sizes(pair):
    stack, transforms = pair
    plan = from_transforms(stack, transforms)
    assert apply(stack, plan, area="mask").stack.shape == stack.shape
    applied = apply(stack, plan, area="crop")
    cropped = applied.stack
    h, w, _ = cropped.shape
    assert (h, w) < stack.shape[:2]
    window = common_window(transforms, stack.shape[:2])
    np.testing.assert_allclose(applied.transforms[0] @ [0, 0, 1], [window.x, window.y, 1])
    for i in range(3):
        assert cropped.source.coverage(i) is None
        frame = cropped.source.read(i)
        assert frame.shape == cropped.shape
        masked = apply(stack, plan).stack.source.read(i)
        expected = masked[window.y : window.y + h, window.x : window.x + w]
        assert np.abs(frame.astype(int) - expected).max() <= 6
    assert cropped.source.preview(2, 3).shape == (-(-h // 3), -(-w // 3), 3)


def test_whole_pixel_shifts_are_exact():
    rng = np.random.default_rng(0)
    big = rng.integers(0, 65536, (50, 60, 3), np.uint16)
    stack = FocalStack.from_arrays([big[5:45, 5:55], big[7:47, 2:52]])
    shift = np.array([[1, 0, 3.0], [0, 1, -2.0], [0, 0, 1]])
    out = apply(stack, from_transforms(stack, [np.eye(3), shift]), area="crop").stack
    np.testing.assert_array_equal(out.source.read(0), out.source.read(1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_dtype_and_channels_are_kept(dtype, channels):
    frames = np.ones((2, 40, 50, channels), dtype)
    stack = FocalStack.from_arrays(frames)
    out = apply(stack, from_transforms(stack, [np.eye(3), similarity(1.05, 2, 1, 1, (40, 50))])).stack
    frame = out.source.read(1)
    assert frame.dtype == dtype
    assert frame.shape == (40, 50, channels)
    assert frame.flags.c_contiguous
    assert out.source.white == stack.source.white
    np.testing.assert_allclose(frame, 1, atol=1e-6)


def test_axis_gains_and_info_are_carried_along():
    frames = np.zeros((3, 40, 50), np.uint8)
    stack = FocalStack.from_arrays(frames)
    gains = np.array([[1.0], [2.0], [3.0]], np.float32)
    stack = FocalStack(stack.source, stack.axis, stack.optics, stack.transfer, stack.info, gains)
    shift = np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1.0]])
    applied = apply(stack, foreign(1, [np.eye(3), np.eye(3), shift]))
    out = applied.stack
    np.testing.assert_array_equal(applied.transforms, [np.eye(3), shift])
    assert out.axis.values.tolist() == [0, 2]
    assert out.gains.ravel().tolist() == [1, 3]
    assert dict(out.info.skipped) == {"frame 1": "shows a cat"}
    assert out.info.warnings == ("frame 1: shows a cat; left out.",)


def foreign(which, transforms):
    n = len(transforms)
    ok = np.arange(n) != which
    reasons = tuple("" if a else "shows a cat" for a in ok)
    return Alignment(np.stack(transforms), 0, ok, reasons, "test", np.full(n, np.nan))


def test_rules_for_frames_that_cannot_be_aligned():
    stack = FocalStack.from_arrays(np.zeros((3, 40, 50), np.uint8))
    plan = foreign(1, [np.eye(3)] * 3)
    assert len(apply(stack, plan).stack) == 2
    kept = apply(stack, plan, unaligned="keep").stack
    assert len(kept) == 3
    assert kept.info.warnings == ("frame 1: shows a cat; kept unwarped.",)
    with pytest.raises(AlignmentError, match=r"frame 1: shows a cat\. Remove the frame"):
        apply(stack, plan, unaligned="error")
    two = FocalStack.from_arrays(np.zeros((2, 40, 50), np.uint8))
    assert len(apply(two, foreign(1, [np.eye(3)] * 2)).stack) == 2


def test_wrong_words_and_sizes_are_refused(pair):
    stack, transforms = pair
    plan = from_transforms(stack, transforms)
    for argument in ({"area": "cut"}, {"unaligned": "skip"}, {"interpolation": "spline"}):
        with pytest.raises(SettingError, match="Allowed"):
            apply(stack, plan, **argument)
    with pytest.raises(AlignmentError, match="2 frames but 3 transforms"):
        apply(stack.take([0, 1]), plan)
    with pytest.raises(AlignmentError, match=r"shape \(3, 3, 3\)"):
        from_transforms(stack, transforms[:2])
    bad = transforms.copy()
    bad[1] = similarity(0.1, 0, 0, 0)
    with pytest.raises(AlignmentError, match="frame 1 moves"):
        from_transforms(stack, bad, origin="old.json")
    bad[1] = np.nan
    with pytest.raises(AlignmentError, match=r"old\.json: "):
        from_transforms(stack, bad, origin="old.json")


def test_reuse_gives_the_same_pixels_and_reads_nothing(moved):
    stack, _ = moved
    found = align(stack, "auto")

    class Closed:
        shape, dtype, white = stack.shape, stack.dtype, 255.0

        def __len__(self):
            return len(stack)

    again = from_transforms(FocalStack(Closed(), stack.axis), found.transforms.tolist(), origin="t.json")
    assert again.reference == found.reference
    assert again.rule == "from t.json"
    for i in range(len(stack)):
        first, second = (apply(stack, plan).stack.source.read(i) for plan in (found, again))
        np.testing.assert_array_equal(first, second)


def test_untouched_alignment_changes_nothing(still):
    assert apply(still, Alignment.untouched(7, "none")).stack is still


@given(st.floats(1, 9))
def test_rescaled_transform_moves_block_centres(factor):
    t = similarity(1.02, 1, 3, -2)
    small = rescaled(t, 1 / factor)
    np.testing.assert_allclose(rescaled(small, factor), t, atol=1e-9)
    block = np.array([[7.0, 5.0]])
    full = block * factor + (factor - 1) / 2
    np.testing.assert_allclose(apply_to(small, block) * factor + (factor - 1) / 2, apply_to(t, full), atol=1e-9)
