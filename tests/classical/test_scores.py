"""Scores of a stack, and `naive` with every focus measure."""

from dataclasses import replace

import numpy as np
import pytest

from focaldepth.classical._scores import scored_frames
from focaldepth.classical.naive import Naive
from focaldepth.core.errors import UnknownNameError
from focaldepth.core.progress import Run
from focaldepth.core.settings import parse
from focaldepth.core.stack import FocalStack
from focaldepth.measures._measure import MEASURES
from focaldepth.scenes.layers import LayeredScene, Rendered, render

RUN = Run(threads=1)
SOME = ("sum-modified-laplacian", "tenengrad", "dct-energy-ratio", "histogram-entropy", "gradient-3d", "laplacian-3d")
"""One of each law of gain, and those over frames."""


@pytest.fixture(scope="module")
def plane() -> Rendered:
    return render(LayeredScene(seed=5, frames=7, height=72, width=96, contrast=1.0, layers=0))


def step(stack: FocalStack) -> float:
    return float(np.abs(np.diff(stack.blur_axis.values)).mean())


@pytest.mark.parametrize("name", SOME)
def test_frames_come_in_order_with_their_scores(name: str, plane: Rendered) -> None:
    frames = plane.stack.read_all()
    found = list(scored_frames(plane.stack, MEASURES.get(name), RUN))
    assert len(found) == len(frames)
    for (frame, score), expected in zip(found, frames, strict=True):
        np.testing.assert_array_equal(frame, expected)
        assert score.shape == expected.shape[:2]


@pytest.mark.parametrize("name", ["gradient-3d", "laplacian-3d"])
def test_a_measure_over_frames_sees_both_neighbours(name: str, plane: Rendered) -> None:
    """The first and the last frame stand in for the neighbour they lack."""
    measure = MEASURES.get(name)
    greys = plane.stack.read_all().mean(-1, dtype=np.float32)
    ends = np.concatenate([greys[:1], greys, greys[-1:]])
    for i, (_, score) in enumerate(scored_frames(plane.stack, measure, RUN)):
        np.testing.assert_allclose(score, measure(ends[i : i + 3]), rtol=1e-5)


@pytest.mark.parametrize("name", SOME)
def test_known_gains_bring_scores_to_one_brightness(name: str, plane: Rendered) -> None:
    """Frames of half the brightness with a gain of 2 score as the frames themselves."""
    frames = plane.stack.read_all().astype(np.float32) / 255
    axis = plane.stack.axis
    factor = np.where(np.arange(7) % 2, 0.5, 1).astype(np.float32)
    dark = FocalStack.from_arrays(frames * factor[:, None, None, None], axis)
    known = replace(dark, gains=np.repeat(1 / factor[:, None], 3, 1))
    expected = Naive(measure=name)(FocalStack.from_arrays(frames, axis), RUN)
    np.testing.assert_allclose(Naive(measure=name)(known, RUN).map.values, expected.map.values, rtol=1e-5)


@pytest.mark.parametrize("name", SOME)
def test_the_type_of_pixels_does_not_matter(name: str, plane: Rendered) -> None:
    """Grey levels count from 0 to 255 whatever the full scale is."""
    expected = Naive(measure=name)(plane.stack, RUN).map.values
    for frames in (plane.stack.read_all().astype(np.uint16) * 257, plane.stack.read_all().astype(np.float32) / 255):
        found = Naive(measure=name)(FocalStack.from_arrays(frames, plane.stack.axis), RUN).map.values
        assert np.mean(np.abs(found - expected) < 0.02 * step(plane.stack)) > 0.99


@pytest.mark.parametrize("name", MEASURES.names())
def test_naive_finds_a_plane_with_it(name: str, plane: Rendered) -> None:
    found = parse(Naive, {"measure": name})(plane.stack, RUN).map.values
    error = np.median(np.abs(found - plane.truth.values)) / step(plane.stack)
    assert error < 0.5


def test_a_code_is_as_good_as_a_name(plane: Rendered) -> None:
    by_code, by_name = (Naive(measure=name)(plane.stack, RUN) for name in ("TENG", "tenengrad"))
    np.testing.assert_array_equal(by_code.map.values, by_name.map.values)


def test_an_unknown_measure_is_refused_at_once() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown measure 'tenengrat'\. Did you mean tenengrad"):
        Naive(measure="tenengrat")
