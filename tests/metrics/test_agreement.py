"""Errors against a truth, and the share of them inside the error bar."""

from __future__ import annotations

import numpy as np
import pytest

from focaldepth.core.axis import Unit
from focaldepth.core.errors import StackError
from focaldepth.core.result import DepthMap
from focaldepth.metrics._agreement import compare, enlarge

YES = np.ones((2, 3), bool)


def test_errors_over_pixels_valid_in_both() -> None:
    """Invalid pixels of either map count for nothing but the share."""
    found = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
    truth = DepthMap(found + np.array([[0.1, 0.2, 0.3], [0.4, 9, 9]], np.float32), Unit.METRE, YES)
    valid = np.array([[True, True, True], [True, False, True]])
    known = DepthMap(truth.values, Unit.METRE, np.array([[True, True, True], [True, True, False]]))
    out = compare(DepthMap(found, Unit.METRE, valid), known, Unit.METRE)
    assert (out.compared, out.unit) == (4, Unit.METRE)
    assert out.mean == pytest.approx(0.25, rel=1e-5)
    assert out.median == pytest.approx(0.25, rel=1e-5)
    assert out.valid_share == pytest.approx(0.8)
    assert np.isnan(out.within_1_sigma)


def test_coverage_of_a_true_sigma() -> None:
    """A Gaussian error whose sigma is known lies inside 1 and 2 sigma in 68 and 95 % of the pixels."""
    random = np.random.default_rng(0)
    shape = (300, 300)
    sigma = random.uniform(0.01, 0.1, shape).astype(np.float32)
    truth = np.full(shape, 2.0, np.float32)
    valid = np.ones(shape, bool)
    found = DepthMap(truth + (random.normal(size=shape) * sigma).astype(np.float32), Unit.DIOPTRE, valid, sigma)
    out = compare(found, DepthMap(truth, Unit.DIOPTRE, valid), Unit.DIOPTRE)
    assert out.within_1_sigma == pytest.approx(0.683, abs=0.01)
    assert out.within_2_sigma == pytest.approx(0.954, abs=0.01)


def test_nothing_to_compare() -> None:
    one = DepthMap(np.ones((2, 3), np.float32), Unit.METRE, YES)
    out = compare(DepthMap(one.values, Unit.METRE, ~YES), one, Unit.METRE)
    assert (out.compared, out.valid_share) == (0, 0.0)
    assert np.isnan(out.mean)


def test_sizes_must_agree() -> None:
    one = DepthMap(np.ones((2, 3), np.float32), Unit.METRE, YES)
    with pytest.raises(StackError, match=r"the depth map is \(2, 3\), the truth \(3, 2\)"):
        compare(one, DepthMap(one.values.T, Unit.METRE, YES.T), Unit.METRE)
    with pytest.raises(StackError, match="no whole fraction"):
        enlarge(np.ones((2, 2)), (5, 4))
