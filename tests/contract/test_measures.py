"""One contract for every focus measure: a new file in measures/ is checked on the day it lands."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from focaldepth.core.errors import MissingExtraError
from focaldepth.measures._measure import MEASURES, Measure

DTYPES = [np.uint8, np.uint16, np.float32]


@pytest.fixture(params=MEASURES.names())
def measure(request: pytest.FixtureRequest) -> Measure:
    try:
        return MEASURES.get(request.param)
    except MissingExtraError as error:
        pytest.skip(str(error))


def texture(shape: tuple[int, int] = (48, 64)) -> NDArray[np.float32]:
    """Whole numbers in 0..255, so that every type holds them exactly."""
    return np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)


def test_it_tells_title_source_and_reach(measure: Measure) -> None:
    assert measure.title
    assert measure.source
    assert measure.reach >= 0
    assert hash(measure) == hash(measure)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", [0, 1, 100, 255])
def test_a_flat_picture_scores_zero(measure: Measure, dtype: type, level: int) -> None:
    np.testing.assert_allclose(measure(np.full((17, 23), level, dtype)), 0, atol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(48, 64), (7, 5), (3, 3), (2, 9), (1, 1)])
def test_every_pixel_gets_a_score(measure: Measure, dtype: type, shape: tuple[int, int]) -> None:
    score = measure(texture(shape).astype(dtype))
    assert score.shape == shape
    assert score.dtype == np.float32
    assert np.isfinite(score).all()
    assert (score >= 0).all()


def test_the_picture_is_left_alone(measure: Measure) -> None:
    picture = texture()
    before = picture.copy()
    measure(picture)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_type_of_pixels_does_not_matter(measure: Measure, dtype: type) -> None:
    np.testing.assert_allclose(measure(texture().astype(dtype)), measure(texture()), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("gain", [0.01, 0.5, 3.0])
def test_the_score_is_proportional_to_contrast(measure: Measure, gain: float) -> None:
    scaled = measure(texture() * np.float32(gain))
    np.testing.assert_allclose(scaled, gain * measure(texture()), rtol=1e-4, atol=gain * 1e-2)


def test_brightness_does_not_count(measure: Measure) -> None:
    np.testing.assert_allclose(measure(texture() + np.float32(100)), measure(texture()), rtol=1e-4, atol=1e-2)


def test_defocus_lowers_the_score(measure: Measure) -> None:
    """Wider and wider blur: each time the mean score falls."""
    scores = [measure(texture()).mean()]
    for sigma in (0.5, 1.0, 2.0, 4.0):
        scores.append(measure(cv2.GaussianBlur(texture(), (0, 0), sigma)).mean())
    assert all(before > after for before, after in pairwise(scores))
    assert scores[-1] < scores[0] / 10


@pytest.mark.parametrize("shift", [(1, 0), (0, 1), (3, -5)])
def test_a_shifted_picture_has_the_shifted_score(measure: Measure, shift: tuple[int, int]) -> None:
    inner = slice(8 + measure.reach, -8 - measure.reach)
    moved = measure(np.roll(texture(), shift, (0, 1)))[inner, inner]
    np.testing.assert_allclose(moved, np.roll(measure(texture()), shift, (0, 1))[inner, inner], rtol=1e-5, atol=1e-3)


def test_a_pixel_reaches_no_further_than_stated(measure: Measure) -> None:
    changed = texture()
    changed[24, 32] += 50
    difference = np.abs(measure(changed) - measure(texture())) > 1e-3
    rows, columns = np.nonzero(difference)
    assert difference.any()
    assert max(abs(rows - 24).max(), abs(columns - 32).max()) <= measure.reach


def test_the_border_is_continued_by_reflection(measure: Measure) -> None:
    reach = measure.reach
    if reach == 0:
        return
    padded = measure(np.pad(texture(), reach, "reflect"))[reach:-reach, reach:-reach]
    np.testing.assert_allclose(padded, measure(texture()), rtol=1e-5, atol=1e-3)
