"""Exposure and white-balance drift: found in light, blind to blur, quiet where there is none."""

import numpy as np
import pytest

from focaldepth.align._exposure import find_gains, with_gains
from focaldepth.align._previews import RememberedPreviews
from focaldepth.align._run import align
from focaldepth.core.stack import FocalStack, Transfer

from .conftest import encode, frames_of, stack_of


def light_of(code):
    x = code / 255.0
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def test_steady_stack_has_no_gains(still):
    report = find_gains(still)
    assert report.gains is None
    assert report.warnings == ()
    assert with_gains(still, report).gains is None


@pytest.mark.parametrize("ev", [1.0, -1.0, 0.25])
def test_one_brighter_frame_is_found(ev, still):
    frames = still.read_all()
    frames[2] = encode(light_of(frames[2]) * 2**ev)
    report = find_gains(stack_of(frames))
    assert abs(report.drift_ev[2] - ev) < 0.05
    assert np.abs(np.delete(report.drift_ev, 2)).max() < 0.02
    assert "frame 2" in report.warnings[0]


def test_gains_act_on_stored_values(still):
    frames = still.read_all()
    before = np.median(frames[2], (0, 1)).astype(float)
    frames[2] = encode(light_of(frames[2]) * 2)
    report = find_gains(stack_of(frames))
    after = np.median(frames[2], (0, 1)) * report.gains[2]
    assert report.gains.dtype == np.float32
    assert report.gains.shape == (7, 3)
    np.testing.assert_allclose(after, before, rtol=0.03)
    assert 0.7 < report.gains[2].mean() < 0.8


def test_linear_pixels_get_the_plain_factor(still):
    frames = (light_of(still.read_all()) * 30000).astype(np.uint16)
    frames[4] = frames[4] // 2
    report = find_gains(FocalStack.from_arrays(frames, transfer=Transfer.LINEAR))
    np.testing.assert_allclose(report.gains[4], 2, rtol=0.02)


def test_white_balance_is_told_from_brightness(still):
    frames = still.read_all()
    frames[5] = encode(light_of(frames[5]) * [1.15, 1.0, 0.9])
    report = find_gains(stack_of(frames))
    np.testing.assert_allclose(report.white_balance[5] / report.white_balance[5, 1], [1.15, 1, 0.9], rtol=0.02)
    assert "white balance" in report.warnings[0]


def test_moving_frames_are_compared_where_they_lie(moved):
    stack, _ = moved
    frames = stack.read_all()
    frames[1] = encode(light_of(frames[1]) * 2)
    stack = stack_of(frames)
    alignment = align(stack, "auto")
    assert alignment.moves
    assert abs(find_gains(stack, alignment).drift_ev[1] - 1) < 0.05


def test_foreign_black_and_saturated_frames_do_no_harm(still):
    frames = still.read_all()
    frames[0], frames[6] = 0, 255
    frames[3] = frames_of([np.eye(3)] * 2, seed=9)[0]
    report = find_gains(stack_of(frames), align(stack_of(frames), "auto"))
    assert np.isfinite(report.drift_ev).all()
    assert np.abs(report.drift_ev).max() < 0.02


def test_previews_are_read_once(still):
    reads = []

    class Counting:
        shape, dtype, white = still.shape, still.dtype, 255.0

        def __len__(self):
            return len(still)

        def read(self, i):
            raise AssertionError("full frames are not needed")

        def preview(self, i, factor):
            reads.append(i)
            return still.source.preview(i, factor)

        def coverage(self, i):
            return None

    stack = RememberedPreviews.of(FocalStack(Counting(), still.axis, transfer=still.transfer))
    alignment = align(stack, "auto")
    plain = find_gains(still, alignment)
    remembered = find_gains(stack, alignment)
    assert sorted(reads) == list(range(7))
    np.testing.assert_allclose(remembered.drift_ev, plain.drift_ev, atol=1e-6)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "linear"])
def test_pixels_are_brought_to_one_brightness_on_request(kind, still):
    frames = still.read_all()
    bright = light_of(frames[2]) * [1.3, 1.2, 1.1]
    white = {"uint8": 255, "uint16": 65535, "float32": 1.0, "linear": 65535}[kind]
    light = light_of(frames)
    light[2] = np.minimum(bright, 1)
    code = light if kind == "linear" else encode(light) / 255.0
    dtype = {"linear": "uint16"}.get(kind, kind)
    values = (code * white).round().astype(dtype) if dtype != "float32" else code.astype(np.float32)
    transfer = Transfer.LINEAR if kind == "linear" else Transfer.SRGB
    stack = FocalStack.from_arrays(values, transfer=transfer)
    out = with_gains(stack, find_gains(stack), pixels=True)
    assert out.gains is None
    assert out.dtype == stack.dtype
    assert out.source.read(0) is stack.source.read(0)
    wanted = light_of(frames[2])
    got = out.source.read(2) / white
    got = got if kind == "linear" else light_of(got * 255)
    usable = bright.max(-1) < 0.9
    assert np.abs(got - wanted)[usable].mean() < 0.01
    assert out.source.preview(2, 4).dtype == stack.dtype
