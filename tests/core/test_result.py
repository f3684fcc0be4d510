"""Depth maps: NaN exactly where not valid, sigma that moves by the slope, honest ends of the scale."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.axis import FocusAxis, Unit, convert
from focaldepth.core.errors import StackError, UnitError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap, DepthResult, Estimate, Provenance

OPTICS = Optics(disparity_scale_m_px=0.02)
DISTANCES = (Unit.METRE, Unit.DIOPTRE, Unit.DISPARITY_PX)


def depth_map(unit: Unit = Unit.METRE, sigma: float | None = 0.01) -> DepthMap:
    values = np.array([[0.5, 1.0], [2.0, 4.0]], np.float32)
    valid = np.array([[True, True], [True, False]])
    return DepthMap(values, unit, valid, None if sigma is None else np.full((2, 2), sigma, np.float32))


class TestDepthMap:
    def test_nan_is_exactly_where_depth_is_not_valid(self) -> None:
        values = np.array([[1, np.nan, 3, np.inf]], np.float32)
        made = DepthMap(values, Unit.METRE, np.array([[True, True, False, True]]), np.ones((1, 4), np.float32))
        assert made.valid.tolist() == [[True, False, False, False]]
        np.testing.assert_array_equal(np.isnan(made.values), ~made.valid)
        assert made.sigma is not None
        np.testing.assert_array_equal(np.isnan(made.sigma), ~made.valid)

    def test_what_was_given_is_left_alone(self) -> None:
        values, valid = np.ones((2, 2), np.float32), np.array([[True, False], [True, True]])
        DepthMap(values, Unit.METRE, valid)
        assert not np.isnan(values).any()
        values[0, 0] = 2  # still writable for its owner

    def test_arrays_cannot_be_written_through_the_map(self) -> None:
        made = depth_map()
        for array in (made.values, made.valid, made.sigma):
            assert array is not None
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 0
        with pytest.raises(AttributeError):
            made.unit = Unit.INDEX

    def test_types_are_brought_to_the_contract(self) -> None:
        made = DepthMap(np.ones((2, 3)), "m", np.ones((2, 3), np.uint8), np.ones((2, 3)))
        assert (made.values.dtype, made.valid.dtype) == (np.float32, bool)
        assert made.sigma is not None
        assert made.sigma.dtype == np.float32
        assert made.unit is Unit.METRE
        assert made.shape == (2, 3)

    @pytest.mark.parametrize(
        ("values", "valid", "sigma", "message"),
        [
            (np.ones((2, 2)), np.ones((2, 3), bool), None, r"depth is \(2, 2\), valid is \(2, 3\). Both must be"),
            (np.ones(2), np.ones(2, bool), None, r"depth is \(2,\), valid is \(2,\). Both must"),
            (np.ones((2, 2)), np.ones((2, 2), bool), np.ones((2, 3)), r"depth is \(2, 2\), sigma is \(2, 3\)"),
            (np.ones((2, 2)), np.ones((2, 2), bool), np.zeros((2, 2)), r"sigma is not positive at 4 valid pixels. M"),
            (np.ones((2, 2)), np.ones((2, 2), bool), np.full((2, 2), np.nan), r"sigma is not positive at 4 valid"),
        ],
    )  # fmt: skip
    def test_what_does_not_belong_together_is_refused(
        self, values: np.ndarray, valid: np.ndarray, sigma: np.ndarray | None, message: str
    ) -> None:
        with pytest.raises(StackError, match=message):
            DepthMap(values, Unit.METRE, valid, sigma)

    def test_sigma_may_be_anything_where_depth_is_not_valid(self) -> None:
        DepthMap(np.ones((1, 2)), Unit.METRE, np.array([[True, False]]), np.array([[1.0, -1.0]]))

    def test_maps_are_compared_by_identity(self) -> None:
        a = depth_map()
        assert a == a
        assert a != depth_map()

    def test_a_map_travels_to_other_processes(self) -> None:
        made = depth_map()
        back = pickle.loads(pickle.dumps(made))
        np.testing.assert_array_equal(back.values, made.values)
        assert back.unit is made.unit


class TestTo:
    def test_the_same_unit_is_the_same_map(self) -> None:
        made = depth_map()
        assert made.to(Unit.METRE) is made

    def test_a_unit_may_be_given_by_name(self) -> None:
        assert depth_map().to("dioptre").unit is Unit.DIOPTRE

    @given(st.sampled_from(DISTANCES), st.sampled_from(DISTANCES), st.floats(0.1, 10), st.floats(1e-4, 1e-2))
    def test_there_and_back_is_the_same(self, a: Unit, b: Unit, value: float, share: float) -> None:
        ones = np.ones((1, 1), np.float32)
        made = DepthMap(ones * value, a, ones.astype(bool), ones * value * share)
        back = made.to(b, OPTICS).to(a, OPTICS)
        np.testing.assert_allclose(back.values, made.values, rtol=1e-5)
        np.testing.assert_allclose(back.sigma, made.sigma, rtol=1e-5)

    @given(st.sampled_from(DISTANCES), st.sampled_from(DISTANCES), st.floats(0.1, 10))
    def test_sigma_is_the_spread_of_the_moved_numbers(self, a: Unit, b: Unit, value: float) -> None:
        """Move samples of value +- sigma through the law itself: their spread is the moved sigma."""
        sigma = 1e-3 * value
        ones = np.ones((1, 1))
        moved = DepthMap(ones * value, a, ones.astype(bool), ones * sigma).to(b, OPTICS)
        samples = convert(value + sigma * np.array([-1.0, 1.0]), a, b, OPTICS)
        np.testing.assert_allclose(moved.sigma, abs(samples[1] - samples[0]) / 2, rtol=1e-4)

    def test_without_sigma_there_is_none_after(self) -> None:
        assert depth_map(sigma=None).to(Unit.DIOPTRE).sigma is None

    def test_validity_stays(self) -> None:
        made = depth_map()
        np.testing.assert_array_equal(made.to(Unit.DIOPTRE).valid, made.valid)

    @pytest.mark.parametrize("sigma", [None, 0.1])
    def test_zero_dioptres_and_beyond_are_no_distance(self, sigma: float | None) -> None:
        values = np.array([[2.0, 0.0, -0.1]], np.float32)
        given_sigma = None if sigma is None else np.full((1, 3), sigma)
        made = DepthMap(values, Unit.DIOPTRE, np.ones((1, 3), bool), given_sigma).to(Unit.METRE)
        assert made.valid.tolist() == [[True, False, False]]
        assert made.values[0, 0] == 0.5

    def test_a_sigma_beyond_float32_is_no_claim(self) -> None:
        values = np.array([[1.0, 1e-25]], np.float32)
        made = DepthMap(values, Unit.DIOPTRE, np.ones((1, 2), bool), np.full((1, 2), 0.1)).to(Unit.METRE)
        assert made.valid.tolist() == [[True, False]]
        back = DepthMap(values / 1e-25, Unit.METRE, np.ones((1, 2), bool), np.full((1, 2), 0.1)).to(Unit.DIOPTRE)
        assert back.valid.tolist() == [[False, True]]

    def test_stage_travel_may_be_negative_metres(self) -> None:
        made = DepthMap(np.array([[-3.0]]), Unit.MICROMETRE, np.ones((1, 1), bool)).to(Unit.METRE)
        np.testing.assert_allclose(made.values, -3e-6)

    def test_without_a_law_it_is_refused(self) -> None:
        with pytest.raises(UnitError, match=r"no law leads from metre to index"):
            depth_map().to(Unit.INDEX)


class TestResult:
    def test_an_estimate_holds_what_a_method_returns(self) -> None:
        made = Estimate(depth_map(), np.zeros((2, 2), np.float32))
        assert (made.all_in_focus, made.filled, dict(made.extras)) == (None, None, {})
        with pytest.raises(AttributeError):
            made.filled = depth_map()

    def test_a_result_is_frozen_and_travels(self) -> None:
        axis = FocusAxis(np.array([1.0, 2.0]), Unit.METRE)
        made = DepthResult(depth_map(), axis, OPTICS, np.zeros((2, 2), np.float32), Provenance("naive"))
        with pytest.raises(AttributeError):
            made.index = np.ones((2, 2), np.float32)
        back = pickle.loads(pickle.dumps(made))
        assert back.axis == axis
        assert back.optics == OPTICS
        assert back.provenance == made.provenance
