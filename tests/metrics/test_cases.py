"""From depth maps to cases: units, ranges, clipping, fits; sums of many images."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.axis import Unit
from focaldepth.core.errors import SettingError, StackError, UnitError, UnknownNameError
from focaldepth.core.result import DepthMap
from focaldepth.metrics._case import Case, Rules, make_case
from focaldepth.metrics._fit import fitted
from focaldepth.metrics._geometry import confidence_in_geometry, enlarge, in_geometry
from focaldepth.metrics._metric import metric
from focaldepth.metrics._scores import Scores, evaluate

YES = np.ones((2, 3), bool)
ALL = ("mae", "rmse", "median-error", "bad-pix-curve", "ause", "valid-share")


def depth(
    values: object, unit: Unit = Unit.METRE, valid: np.ndarray = YES, sigma: np.ndarray | None = None
) -> DepthMap:
    return DepthMap(np.asarray(values, np.float32), unit, valid, sigma)


def test_pixels_valid_in_both_are_compared() -> None:
    """Invalid pixels of either map count for nothing but the share."""
    found = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
    shifted = found + np.array([[0.1, 0.2, 0.3], [0.4, 9, 9]], np.float32)
    valid = np.array([[True, True, True], [True, False, True]])
    known = np.array([[True, True, True], [True, True, False]])
    case = make_case(depth(found, valid=valid), depth(shifted, valid=known))
    out = evaluate(case, ["mae", "median-error", "valid-share", "coverage"])
    assert case.compared.sum() == 4
    assert out["mae"] == pytest.approx(0.25, rel=1e-5)
    assert out["median-error"] == pytest.approx(0.25, rel=1e-5)
    assert out["valid-share"] == pytest.approx(0.8)
    assert np.isnan(out["coverage"])


def test_errors_in_the_unit_of_the_protocol() -> None:
    """Metres found, dioptres asked; sigma goes along."""
    sigma = np.full((2, 3), 0.04, np.float32)
    case = make_case(depth(np.full((2, 3), 2), sigma=sigma), depth(np.ones((2, 3))), Rules(Unit.DIOPTRE))
    assert case.unit is Unit.DIOPTRE
    np.testing.assert_allclose(case.error, -0.5)
    assert case.sigma is not None
    np.testing.assert_allclose(case.sigma, 0.01)
    with pytest.raises(UnitError, match="no law"):
        make_case(depth(np.ones((2, 3)), Unit.INDEX), depth(np.ones((2, 3))))


def test_range_and_clipping() -> None:
    """Truth outside counts for nothing; estimates are clipped first."""
    case = make_case(
        depth([[0.0, 1, 2], [3, 4, 5]]), depth([[0.5, 1, 2], [3, 4, 4.5]]), Rules(low=1, high=4, clip=(1.5, 3.5))
    )
    np.testing.assert_array_equal(case.mask, [[False, True, True], [True, True, False]])
    np.testing.assert_allclose(case.error, [0.5, 0, 0, -0.5])


def test_coordinates_of_official_programs() -> None:
    """Whole numbers of 0.1 mm, clipping of the truth, normalised disparity."""
    found, truth = depth([[0.123456, 1.7, 2]] * 2), depth([[0.1, 1.6, 1.4]] * 2)
    case = make_case(found, truth, Rules(quantum=1e-4, clip=(0, 1.5), clip_truth=True))
    np.testing.assert_allclose(case.found[0], [0.1234, 1.5, 1.5])
    np.testing.assert_allclose(case.truth[0], [0.1, 1.5, 1.4])
    sigma = np.full((2, 3), 0.5, np.float32)
    case = make_case(depth(found.values, sigma=sigma), truth, Rules(origin=0.1, span=0.5))
    np.testing.assert_allclose(case.truth[0], [0, 3, 2.6], atol=1e-6)
    np.testing.assert_allclose(case.error, 2 * (found.values - truth.values).ravel(), rtol=1e-6)
    assert case.sigma is not None
    np.testing.assert_allclose(case.sigma, 1)


def test_sizes_must_agree() -> None:
    one = depth(np.ones((2, 3)))
    with pytest.raises(StackError, match=r"the depth map is \(2, 3\), the truth \(3, 2\)"):
        make_case(one, DepthMap(one.values.T, Unit.METRE, YES.T))
    with pytest.raises(StackError, match="its sigma"):
        Case.of([[1.0]], [[1.0]], [[1.0, 2.0]])
    with pytest.raises(StackError, match="the sharp one"):
        Case.of([[1.0]], [[1.0]], picture=np.zeros((2, 2, 3)), sharp=np.zeros((2, 3, 3)))
    with pytest.raises(StackError, match="no whole fraction"):
        enlarge(np.ones((2, 2)), (5, 4))


class TestFits:
    """Relative estimates: the best scale, and its name."""

    def test_scale_by_hand(self) -> None:
        """k* = (1 x 3 + 2 x 5) / (1 + 4) = 2.6."""
        values, sigma, fit = fitted(
            np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.array([3.0, 5.0]), YES[0, :2], "scale"
        )
        assert (fit.kind, fit.scale, fit.offset) == ("scale", 2.6, 0.0)
        np.testing.assert_allclose(values, [2.6, 5.2])
        np.testing.assert_allclose(sigma, 2.6)
        assert fit.text == "scale fit: 2.6 x estimate"

    @given(st.floats(0.1, 10), st.floats(-5, 5), st.sampled_from(["scale", "affine", "median"]))
    def test_a_law_of_the_kind_is_undone(self, scale: float, offset: float, kind: str) -> None:
        truth = np.random.default_rng(0).random((9, 9)) + 1
        found = (truth - (offset if kind == "affine" else 0)) / scale
        values, _, fit = fitted(found, None, truth, np.ones((9, 9), bool), kind)
        np.testing.assert_allclose(values, truth, rtol=1e-9)
        assert fit.scale == pytest.approx(scale)

    @given(st.integers(0, 99))
    def test_no_other_scale_is_better(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        p, t, where = random.random((5, 6)), random.random((5, 6)), np.ones((5, 6), bool)
        for kind in ("scale", "affine"):
            _, _, fit = fitted(p, None, t, where, kind)
            best = ((fit.scale * p + fit.offset - t) ** 2).sum()
            for change in (0.99, 1.01):
                assert best <= ((change * fit.scale * p + fit.offset - t) ** 2).sum()

    def test_only_compared_pixels_take_part(self) -> None:
        found = depth([[1, 2, 100], [1, 2, 100]], Unit.INDEX, np.array([[True, True, False]] * 2))
        truth = depth([[3, 5, 7], [3, 5, 7]])
        case = make_case(found, truth, Rules(fit="affine"))
        assert case.fit.text == "affine fit: 2 x estimate + 1"
        np.testing.assert_allclose(case.error, 0, atol=1e-12)

    def test_degenerate(self) -> None:
        """A constant estimate becomes the mean; nothing compared gives nothing."""
        flat, truth, where = np.ones((1, 3)), np.array([[1.0, 2.0, 3.0]]), np.ones((1, 3), bool)
        np.testing.assert_allclose(fitted(flat, None, truth, where, "affine")[0], 2)
        assert np.isnan(fitted(0 * flat, None, truth, where, "scale")[0]).all()
        assert np.isnan(fitted(flat, None, truth, ~where, "scale")[0]).all()
        with pytest.raises(SettingError, match=r"unknown fit 'linear'\. Known: none, scale, affine, median"):
            make_case(depth(np.ones((2, 3))), depth(np.ones((2, 3))), Rules(fit="linear"))


def cases() -> dict[str, Case]:
    random = np.random.default_rng(0)
    made = {}
    for i in range(4):
        truth = random.random((5 + i, 7)) + 1
        made[f"image{i}"] = Case.of(
            truth + 0.1 * random.normal(size=truth.shape), truth, random.random(truth.shape) + 0.1
        )
    return made


def scored(names: list[str]) -> Scores:
    scores = Scores(ALL)
    for name in names:
        scores.add(name, cases()[name])
    return scores


class TestScores:
    def test_mean_over_images_and_all_pixels(self) -> None:
        """RMSE: the mean of roots is less than the root of the mean (Jensen); by hand."""
        scores = Scores(("rmse", "median-error"))
        scores.add("a", Case.of([[1.0, 1.0, 1.0]], [[1.0, 1.0, 1.0]]))
        scores.add("b", Case.of([[3.0]], [[1.0]]))
        assert scores.mean("rmse") == 1.0
        assert scores.pooled("rmse") == 1.0
        scores.add("c", Case.of([[5.0]], [[1.0]]))
        assert scores.mean("rmse") == 2.0
        assert scores.pooled("rmse") == 2.0
        scores.add("d", Case.of([[9.0, 9.0]], [[9.0, 9.0]]))
        assert scores.mean("rmse") == 1.5
        assert scores.pooled("rmse") == pytest.approx((20 / 7) ** 0.5)
        assert np.isnan(scores.pooled("median-error"))
        assert scores.ranked("rmse") == ["a", "d", "b", "c"]

    def test_parts_merge_to_the_same_bits_in_any_order(self) -> None:
        whole = scored(list(cases()))
        for order in permutations(cases()):
            merged = scored(list(order[:1])).merge(scored(list(order[1:3]))).merge(scored(list(order[3:])))
            for name in ALL:
                assert merged.mean(name) == whole.mean(name)
                assert merged.pooled(name) == whole.pooled(name) or not metric(name).facts.pools
                np.testing.assert_array_equal(merged.total(name), whole.total(name))

    def test_an_image_without_truth(self) -> None:
        """Left out, or counted as 0 as the program of DDFF and DFV does."""
        scores = Scores(("mae", "ause"))
        scores.add("a", Case.of([[3.0]], [[1.0]], [[1.0]]))
        scores.add("b", Case.of([[3.0]], [[np.nan]], [[1.0]]))
        assert scores.mean("mae") == 2.0
        assert scores.mean("mae", empty=0.0) == 1.0
        assert [row["images"] for row in scores.table()] == [1, 1]
        scores.add("c", Case.of([[3.0]], [[1.0]]))
        assert scores.mean("mae", empty=0.0) == pytest.approx(4 / 3)
        assert scores.mean("ause", empty=0.0) == 0
        none = Scores(("coverage",))
        none.add("a", Case.of([[3.0]], [[1.0]]))
        none.add("b", Case.of([[3.0]], [[np.nan]]))
        assert np.isnan(none.mean("coverage", empty=0.0))
        assert scores.total("ause")[-1] == 1

    def test_no_image(self) -> None:
        scores = Scores(("mae", "ause"))
        assert np.isnan(scores.mean("mae"))
        assert np.isnan(scores.pooled("mae"))
        assert np.isnan(scores.total("ause")).all()

    def test_twice_is_refused(self) -> None:
        one = scored(["image1"])
        with pytest.raises(StackError, match=r"image1: counted twice"):
            one.add("image1", cases()["image1"])
        with pytest.raises(StackError, match=r"image1: counted twice. Merge parts that share no image"):
            one.merge(scored(["image1"]))
        with pytest.raises(StackError, match="metrics differ"):
            one.merge(Scores(("mae",)))
        with pytest.raises(UnknownNameError, match="unknown metric"):
            Scores(("mea",))

    def test_infinite_pictures(self) -> None:
        """A perfect picture has infinite PSNR, and so has the mean."""
        same = np.zeros((12, 12, 3), np.uint8)
        scores = Scores(("psnr",))
        scores.add("a", Case.of([[1.0]], [[1.0]], picture=same, sharp=same))
        scores.add("b", Case.of([[1.0]], [[1.0]], picture=same, sharp=same + np.uint8(9)))
        assert scores.mean("psnr") == np.inf
        assert np.isfinite(scores.pooled("psnr"))
        assert scores.ranked("psnr") == ["a", "b"]


def test_confidence_moves_with_its_truth() -> None:
    """Where the other picture sees no truth, there is none to trust."""
    truth = depth([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    confidence = np.asarray(truth.values) / 8
    right = np.array([[1, 0, 1.2], [0, 1, 0.1], [0, 0, 1.0]])
    moved = confidence_in_geometry(confidence, right, (2, 3))
    assert moved.tolist() == [[0.25, 0.375, 0], [0.625, 0.75, 0]]
    assert np.array_equal(moved > 0, in_geometry(truth, right, (2, 3)).valid)
    assert confidence_in_geometry(confidence, np.eye(3), (2, 3)) is confidence
