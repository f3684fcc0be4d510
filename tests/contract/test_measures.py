"""One contract for every focus measure: a new file in measures/ is checked on the day it lands."""

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from focaldepth.core.errors import MissingExtraError, SettingError, UnknownNameError
from focaldepth.core.settings import facts as settings_of
from focaldepth.measures._measure import CODES, MEASURES, Measure

DTYPES = [np.uint8, np.uint16, np.float32]
FAMILIES = {"gradient", "laplacian", "wavelet", "statistics", "dct", "other"}

PICTURES = arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20))


@pytest.fixture(params=MEASURES.names(), scope="module")
def measure(request: pytest.FixtureRequest) -> Measure:
    try:
        return MEASURES.get(request.param)
    except MissingExtraError as error:
        pytest.skip(str(error))


def texture(shape: tuple[int, int] = (48, 64)) -> NDArray[np.float32]:
    """Whole numbers in 0..255, so that every type holds them exactly."""
    return np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)


def natural() -> NDArray[np.float32]:
    """Whole numbers in 0..255 whose amplitudes fall with frequency as in photographs, with a bright box in front."""
    random = np.random.default_rng(2)
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128)[None]) + 1 / 128
    surface = np.fft.irfft2(np.fft.rfft2(random.standard_normal((128, 128))) / frequency, (128, 128))
    picture = 110 + 30 * surface / surface.std()
    picture[40:80, 30:100] += 60
    return np.clip(np.rint(picture), 0, 255).astype(np.float32)


def disc(radius: float) -> NDArray[np.float32]:
    reach = int(np.ceil(radius))
    distance = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])
    kernel = np.clip(radius + 0.5 - distance, 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def assert_close(found: NDArray[Any], expected: NDArray[Any], degree: float, top: float) -> None:
    """Agree but for the rounding of float32 at pixel values up to `top`."""
    rounding = (1e-6 * top) ** degree if degree else 1e-6
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * float(expected.max()) + rounding)


class TestFacts:
    def test_it_tells_what_it_is(self, measure: Measure) -> None:
        assert measure.title
        assert measure.source
        assert measure.reach >= 0
        assert measure.facts.family in FAMILIES
        assert measure.facts.frames in (1, 3)
        assert measure.facts.degree is None or measure.facts.degree >= 0
        assert hash(measure) == hash(measure)

    def test_its_codes_lead_to_it(self, measure: Measure) -> None:
        for code in measure.facts.codes:
            assert MEASURES.get(code) is measure

    def test_settings_out_of_range_are_refused(self, measure: Measure) -> None:
        for fact in settings_of(measure):
            assert fact.help
            for value in (fact.low, fact.high):
                if value is not None:
                    bad = value - 1 if value == fact.low else value + 1
                    with pytest.raises(SettingError, match=rf"{fact.name} is .* Allowed: "):
                        type(measure)(**{fact.name: bad})

    def test_no_code_is_without_its_measure(self) -> None:
        assert set(CODES) <= set(MEASURES.names())
        assert {name: " ".join(MEASURES.get(name).facts.codes) for name in CODES} == CODES
        assert len({code for code, _ in MEASURES.aliases}) == len(MEASURES.aliases)

    def test_all_36_of_the_survey_are_here(self) -> None:
        counts = {"GRA": 7, "LAP": 5, "WAV": 4, "STA": 8, "DCT": 3, "MIS": 9}
        wanted = {f"{family}{i}" for family, n in counts.items() for i in range(1, n + 1)}
        assert wanted <= {code for code, _ in MEASURES.aliases}

    def test_an_unknown_name_suggests(self) -> None:
        with pytest.raises(UnknownNameError, match=r"unknown measure 'tenegrad'\. Did you mean tenengrad"):
            MEASURES.get("tenegrad")


class TestPictures:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("level", [0, 1, 100, 255])
    def test_a_flat_picture_scores_zero(self, measure: Measure, dtype: type, level: int) -> None:
        np.testing.assert_allclose(measure(np.full((17, 23), level, dtype)), 0, atol=1e-4)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", [(48, 64), (7, 5), (3, 3), (2, 9), (1, 33), (33, 1), (1, 1)])
    def test_every_pixel_gets_a_score(self, measure: Measure, dtype: type, shape: tuple[int, int]) -> None:
        score = measure(texture(shape).astype(dtype))
        assert score.shape == shape
        assert score.dtype == np.float32
        assert np.isfinite(score).all()
        assert (score >= 0).all()

    @settings(max_examples=20, deadline=None)
    @given(st.one_of([arrays.arrays(t, arrays.array_shapes(min_dims=2, max_dims=2, max_side=20)) for t in DTYPES[:2]]))
    def test_no_score_is_ever_missing(self, measure: Measure, picture: NDArray[Any]) -> None:
        before = picture.copy()
        score = measure(picture)
        assert score.shape == picture.shape
        assert np.isfinite(score).all()
        assert (score >= 0).all()
        np.testing.assert_array_equal(picture, before)

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_the_type_of_pixels_does_not_matter(self, measure: Measure, dtype: type) -> None:
        np.testing.assert_allclose(measure(texture().astype(dtype)), measure(texture()), rtol=1e-5, atol=1e-3)

    def test_a_tall_picture_is_scored_as_its_parts(self, measure: Measure) -> None:
        """Strips leave no trace."""
        tall = texture((700, 200))
        whole, part = measure(tall), measure(tall[200:500])
        inner = slice(measure.reach, -measure.reach or None)
        np.testing.assert_allclose(whole[200:500][inner], part[inner], rtol=1e-5, atol=1e-5 * part.max())


class TestLaws:
    @settings(max_examples=20, deadline=None)
    @given(PICTURES, st.floats(0.05, 20))
    def test_gain(self, measure: Measure, picture: NDArray[np.uint8], gain: float) -> None:
        """The score grows with the stated power of the gain."""
        degree = measure.facts.degree
        if degree is None:
            return
        scaled = measure(picture.astype(np.float32) * np.float32(gain))
        assert_close(scaled, gain**degree * measure(picture), degree, 255 * gain)

    def test_without_a_law_of_gain_contrast_still_counts(self, measure: Measure) -> None:
        if measure.facts.degree is None:
            scores = [measure(natural() * np.float32(gain)).mean() for gain in (0.25, 0.5, 1.0)]
            assert all(low < high for low, high in pairwise(scores))

    @settings(max_examples=20, deadline=None)
    @given(PICTURES, st.integers(0, 1000))
    def test_offset(self, measure: Measure, picture: NDArray[np.uint8], offset: int) -> None:
        """Brightness does not count where that is stated."""
        if measure.facts.offset:
            brighter = measure(picture.astype(np.float32) + offset)
            assert_close(brighter, measure(picture), measure.facts.degree or 1, 255 + offset)

    def test_a_ratio_to_brightness_falls_with_it(self, measure: Measure) -> None:
        if not measure.facts.offset and measure.facts.degree is not None:
            assert measure(texture() + np.float32(100)).mean() < measure(texture()).mean()

    @settings(max_examples=20, deadline=None)
    @given(PICTURES)
    def test_rows_and_columns_count_alike(self, measure: Measure, picture: NDArray[np.uint8]) -> None:
        turned = measure(np.ascontiguousarray(picture.T)).T
        assert_close(turned, measure(picture), measure.facts.degree or 1, 255)

    @pytest.mark.parametrize("shift", [(1, 0), (0, 1), (3, -5)])
    def test_a_shifted_picture_has_the_shifted_score(self, measure: Measure, shift: tuple[int, int]) -> None:
        inner = slice(8 + measure.reach, -8 - measure.reach)
        moved = measure(np.roll(texture(), shift, (0, 1)))[inner, inner]
        expected = np.roll(measure(texture()), shift, (0, 1))[inner, inner]
        np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-5 * expected.max())

    @pytest.mark.parametrize("kind", ["gaussian", "disc"])
    def test_defocus_lowers_the_score(self, measure: Measure, kind: str) -> None:
        """Wider and wider blur: each time the mean score falls."""
        picture = natural()
        scores = [measure(picture).mean()]
        for width in (0.7, 1.0, 1.5, 2.0, 3.0, 4.0):
            if kind == "gaussian":
                blurred = cv2.GaussianBlur(picture, (0, 0), width)
            else:
                blurred = cv2.filter2D(picture, -1, disc(2 * width))
            scores.append(measure(blurred).mean())
        assert all(before > after for before, after in pairwise(scores))
        assert scores[-1] < scores[0] / 2


class TestReach:
    def test_a_pixel_reaches_no_further_than_stated(self, measure: Measure) -> None:
        changed = texture()
        changed[24, 32] += 500
        score = measure(changed)
        difference = np.abs(score - measure(texture())) > 1e-5 * score.max()
        rows, columns = np.nonzero(difference)
        assert difference.any()
        assert max(abs(rows - 24).max(), abs(columns - 32).max()) <= measure.reach

    def test_the_border_is_continued_by_reflection(self, measure: Measure) -> None:
        reach = measure.reach
        if reach == 0:
            return
        padded = measure(np.pad(texture(), reach, "reflect"))[reach:-reach, reach:-reach]
        score = measure(texture())
        np.testing.assert_allclose(padded, score, rtol=1e-5, atol=1e-5 * score.max())


class TestFrames:
    def test_a_single_picture_is_its_own_neighbour(self, measure: Measure) -> None:
        if measure.facts.frames == 3:
            np.testing.assert_array_equal(measure(np.stack([texture()] * 3)), measure(texture()))

    def test_the_order_of_neighbours_does_not_matter(self, measure: Measure) -> None:
        if measure.facts.frames == 3:
            frames = np.random.default_rng(0).integers(0, 256, (3, 20, 30)).astype(np.uint8)
            np.testing.assert_allclose(measure(frames[::-1]), measure(frames), rtol=1e-5)
