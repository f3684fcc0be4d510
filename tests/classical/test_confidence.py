"""Validity: what is claimed to be depth."""

import numpy as np

from focaldepth.classical._confidence import Chosen, WindowPeak, trust, without_islands
from focaldepth.classical._curves import CurveSampler
from focaldepth.classical._stream import Streamed


def test_areas_smaller_than_their_window_are_dropped():
    valid = np.zeros((60, 80), bool)
    valid[5:8, 5:8] = valid[20:50, 20:60] = True
    kept = without_islands(valid, np.zeros(valid.shape, np.uint8), [50.0])
    assert not kept[:10].any()
    assert kept[20:50, 20:60].all()
    assert kept.sum() == 30 * 40


def test_the_same_area_counts_less_when_a_wider_window_measured_it():
    valid = np.zeros((40, 40), bool)
    valid[10:20, 10:20] = True
    window = np.zeros(valid.shape, np.uint8)
    assert without_islands(valid, window, [20.0, 200.0]).sum() == 100
    window[:] = 1
    assert not without_islands(valid, window, [20.0, 200.0]).any()


def test_nothing_valid_stays_nothing():
    nothing = np.zeros((5, 7), bool)
    assert not without_islands(nothing, np.zeros((5, 7), np.uint8), [1.0]).any()


def test_a_depth_at_the_very_end_of_the_range_is_not_valid():
    """Its fit was stopped there: what lies farther out cannot be told from it."""
    shape, focus = (8, 8), np.linspace(1, 3, 5)
    for place, expected in ((1.0, False), (3.0, False), (1.4, True)):
        one, none = np.ones(shape, np.float32), np.zeros(shape, np.float32)
        peak = WindowPeak(one * np.float32(place), 100 * one, 0.9 * one, none, none, one, one)
        curves = CurveSampler(shape, len(focus), 1, dense=False)
        state = Streamed(1, [], curves, saturated=none, covered=one)
        found = trust([peak] * 3, Chosen(np.zeros(shape, np.uint8), peak), state, focus, 0.5)
        assert (found.valid == expected).all(), place
