"""The running peak equals what the whole focus volume says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from focaldepth.classical._peak import PeakTracker, three_point_peak

volumes = hnp.arrays(
    np.float32,
    st.tuples(st.integers(3, 9), st.integers(1, 4), st.integers(1, 5)),
    elements=st.floats(0, 100, width=16),
)


def track(volume):
    tracker = PeakTracker(volume.shape[1:])
    for score in volume:
        tracker.update(np.ascontiguousarray(score))
    return tracker


@given(volumes)
@settings(max_examples=60, deadline=None)
def test_keeps_the_highest_score_its_neighbours_and_the_lowest(volume):
    tracker = track(volume)
    first = volume.argmax(0)
    assert np.array_equal(tracker.index, first)
    assert np.array_equal(tracker.best, volume.max(0))
    assert np.array_equal(tracker.low, volume.min(0))
    for offset, plane in tracker.sides.items():
        there = first + offset
        inside = (there >= 0) & (there < len(volume))
        expected = np.take_along_axis(volume, np.clip(there, 0, len(volume) - 1)[None], 0)[0]
        assert np.array_equal(plane[inside], expected[inside])


def brute_second(curve):
    """Highest prominence of a local rise that is not the main peak: the lower of its two flanks."""
    main = int(np.argmax(curve))
    found = 0.0
    for i in range(len(curve)):
        if i < main:
            found = max(found, curve[i] - curve[i:main].min())
        elif i > main:
            found = max(found, curve[i] - curve[main + 1 : i + 1].min())
    return found


@given(volumes)
@settings(max_examples=60, deadline=None)
def test_second_peak_is_the_largest_rise_beside_the_main_one(volume):
    tracker = track(volume)
    for y, x in np.ndindex(volume.shape[1:]):
        assert tracker.second[y, x] == pytest.approx(brute_second(volume[:, y, x]), abs=1e-3)


@pytest.mark.parametrize("count", [5, 9])
@pytest.mark.parametrize("uneven", [False, True])
def test_peaks_between_frames_are_found_exactly(count, uneven):
    """Scores of a blurred texture for the tracker, Gaussian ones for the three-point fit."""
    focus = np.linspace(2, 6, count)
    if uneven:
        focus = focus + 0.1 * np.sin(np.arange(count))
    truth = np.linspace(focus[1] + 0.05, focus[-2] - 0.05, 40)
    distance = (focus[:, None] - truth[None]) ** 2
    tracker = track((1 / (distance + 0.8)).astype(np.float32)[:, None])
    assert np.allclose(tracker.fit(focus).position[0], truth, atol=2e-3)
    volume = np.exp(-distance / 1.5).astype(np.float32)[:, None]
    best = volume.max(0)
    index = volume.argmax(0).astype(np.int16)
    left, right = (np.take_along_axis(volume, (index + k)[None].astype(int), 0)[0] for k in (-1, 1))
    assert np.allclose(three_point_peak(left, best, right, index, focus)[0], truth, atol=2e-3)


def test_order_of_frames_does_not_matter():
    random = np.random.default_rng(0)
    volume = random.random((7, 5, 6)).astype(np.float32)
    focus = np.sort(random.random(7))
    forward, backward = track(volume).fit(focus), track(volume[::-1]).fit(focus[::-1])
    assert np.allclose(forward.position, backward.position, atol=1e-5)
    assert np.allclose(forward.second, backward.second, atol=1e-5)


def test_peak_at_an_end_stays_at_its_frame_and_is_marked():
    volume = np.array([3.0, 2.0, 1.0, 0.5], np.float32).reshape(4, 1, 1)
    fit = track(volume).fit(np.array([1.0, 2.0, 4.0, 8.0]))
    assert fit.position.item() == 1.0
    assert fit.at_end.item()
    assert fit.curvature.item() == 0


def test_two_frames_give_the_sharper_one():
    best, index = np.array([[2.0]], np.float32), np.array([[1]], np.int16)
    assert three_point_peak(best, best, best, index, np.array([0.5, 0.7])).item() == pytest.approx(0.7)
