"""Every definition by hand or against an independent one: numbers small enough to check on paper."""

from __future__ import annotations

from math import log, log10, pi, sqrt

import numpy as np
import pytest
from scipy import ndimage

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import Metric, metric, metric_names
from focaldepth.metrics.boundary_f1 import BoundaryF1
from focaldepth.metrics.edge_error import EdgeError

P = np.array([[1.0, 2.0, 4.0], [3.0, 9.0, 9.0]])
T = np.array([[1.0, 1.0, 2.0], [4.0, np.nan, 2.0]])
MASK = np.array([[True, True, True], [True, False, False]])
SIGMA = np.array([[1.0, 0.5, 1.0], [2.0, 1.0, 1.0]])
WEIGHT = np.array([[1.0, 0.5, 0.5, ], [0.0, 1.0, 1.0]])  # fmt: skip
CASE = Case(P, T, MASK, sigma=SIGMA, confidence=WEIGHT)
"""Errors 0, 1, 2, -1 at four pixels with truth 1, 1, 2, 4; the other two do not count."""

BY_HAND = {
    "mae": 4 / 4,
    "mse": 6 / 4,
    "rmse": sqrt(1.5),
    "median-error": 1.0,
    "bias": 2 / 4,
    "abs-rel": (0 + 1 + 1 + 0.25) / 4,
    "sq-rel": (0 + 1 + 2 + 0.25) / 4,
    "log-rmse": sqrt((2 * log(2) ** 2 + log(0.75) ** 2) / 4),
    "log-rmse.calmetrics": sqrt((2 * log(2) ** 2 + log(0.75) ** 2) / 4),
    "log10": (2 * log10(2) + log10(4 / 3)) / 4,
    "silog": sqrt((2 * log(2) ** 2 + log(0.75) ** 2) / 4 - 0.5 * ((2 * log(2) + log(0.75)) / 4) ** 2),
    "silog.full": sqrt((2 * log(2) ** 2 + log(0.75) ** 2) / 4 - ((2 * log(2) + log(0.75)) / 4) ** 2),
    "delta": 1 / 4,  # 4/3 > 1.25
    "delta.1": 1 / 4,
    "delta.2": 2 / 4,  # 4/3 < 1.5625
    "delta.3": 2 / 4,  # 2 > 1.953
    "delta.1-05": 1 / 4,
    "delta.1-15": 1 / 4,
    "bad-pix": 3 / 4,
    "bad-pix.0-01": 3 / 4,
    "bad-pix.0-03": 3 / 4,
    "bad-pix.0-07": 3 / 4,
    "bad-pix-curve": 0.75,
    "valid-share": 1.0,
    "pearson": 3 / sqrt(5 * 6),  # p: -1.5 -0.5 1.5 0.5, t: -1 -1 0 2
    "average-uncertainty": 4.5 / 4,
    "average-uncertainty.dfv": 6.5 / 6,
    "confident-mae": (0.5 * 1 + 0.5 * 2) / 2,
    "confident-mse": (0.5 * 1 + 0.5 * 4) / 2,
    "coverage": 2 / 4,  # 0 and 1 of sigma 2
    "coverage.1": 2 / 4,
    "coverage.2": 4 / 4,
    "coverage.3": 4 / 4,
    "nll": (4 * log(2 * pi) + 2 * (log(0.5) + log(2)) + (0 + 4 + 4 + 0.25)) / 8,
}
ELSEWHERE = ("bumpiness", "ause", "edge-error", "boundary-f1", "psnr", "ssim")


def value(chosen: Metric | str, case: Case) -> float:
    chosen = metric(chosen) if isinstance(chosen, str) else chosen
    return chosen.value(chosen.sums(case))


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    assert value(name, CASE) == pytest.approx(BY_HAND[name], rel=1e-12)


def test_none_is_left_out() -> None:
    """A new metric needs a case by hand, here or below."""
    assert {n for n in metric_names() if not n.startswith(ELSEWHERE)} == set(BY_HAND)


def test_estimates_without_a_logarithm() -> None:
    """Two pixels, one estimate <= 0: left out, or free of charge as in the program of DDFF; never a hit."""
    case = Case.of([[2.0, -1.0, 0.0, 1.0]], [[1.0, 1.0, 1.0, 1.0]])
    assert value("log-rmse", case) == pytest.approx(log(2) / sqrt(2))
    assert value("log-rmse.calmetrics", case) == pytest.approx(log(2) / 2)
    assert value("delta.3", case) == 1 / 4


def test_delta_is_strict() -> None:
    assert value("delta", Case.of([[1.25, 1.0]], [[1.0, 1.25]])) == 0


def reference_bumpiness(p: np.ndarray, t: np.ndarray, border: str, difference: str) -> float:
    """The metric of the official programs from their description, by scipy.ndimage; zeros of t are holes."""
    smooth, edge = np.array([3, 10, 3]) / 16, np.array([1, 0, -1])

    def slope(a: np.ndarray, axis: int) -> np.ndarray:
        out = ndimage.convolve(a, np.outer(smooth, edge) if axis else np.outer(edge, smooth), mode="reflect")
        if border == "zero":
            out[[0, -1]] = 0
            out[:, [0, -1]] = 0
        return out

    d = p - t if difference == "unmasked" else np.where(t > 0, p - t, 0)
    x, y = slope(d, 1), slope(d, 0)
    h = np.sqrt(slope(x, 1) ** 2 + slope(x, 0) ** 2 + slope(y, 0) ** 2 + slope(y, 1) ** 2)
    return float(100 * np.clip(h, 0, 0.05)[t > 0].sum() / (t > 0).sum())


@pytest.mark.parametrize(
    ("name", "border", "difference"),
    [
        ("bumpiness.calmetrics", "zero", "unmasked"),
        ("bumpiness.calmetrics-reflect", "reflect", "unmasked"),
        ("bumpiness.aifdepthnet", "reflect", "unmasked"),
        ("bumpiness.ddl-gru", "reflect", "masked"),
    ],
)
def test_bumpiness_of_the_official_programs(name: str, border: str, difference: str) -> None:
    random = np.random.default_rng(1)
    t = np.where(random.random((20, 30)) < 0.05, 0, 0.1 + 0.001 * random.random((20, 30)))
    p = np.abs(t) + 0.1 * (t == 0) + 0.002 * random.random((20, 30))
    case = Case.of(p, np.where(t > 0, t, np.nan))
    assert value(name, case) == pytest.approx(reference_bumpiness(p, t, border, difference), rel=1e-9)
    assert value("bumpiness", case) < value("bumpiness.calmetrics-reflect", case)


def test_bumpiness_of_a_parabola_and_a_plane() -> None:
    """Scharr twice: four times the second derivative, 2 a; a plane has none inside; at most 100 x limit."""
    x = np.tile(np.arange(20.0), (20, 1))
    inside = np.zeros((20, 20), bool)
    inside[3:-3, 3:-3] = True
    for a, expected in ((0.001, 0.8), (0.002, 1.6), (1.0, 5.0)):
        assert value("bumpiness", Case.of(a * x**2, 0 * x, mask=inside)) == pytest.approx(expected, rel=1e-9)
    assert value("bumpiness", Case.of(3 * x + 2 * x.T, 0 * x, mask=inside)) == pytest.approx(0, abs=1e-9)
    saddle = Case.of(0.001 * x * x.T, 0 * x, mask=inside)
    assert value("bumpiness", saddle) == pytest.approx(100 * 0.001 * 4 * sqrt(2), rel=1e-9)


def test_a_hole_is_no_bump() -> None:
    """One unknown pixel in a perfect map: the official definition sees an edge of the depth's height."""
    t = np.full((15, 15), 2.0)
    t[7, 7] = np.nan
    case = Case.of(np.full((15, 15), 2.0), t)
    assert value("bumpiness", case) == 0
    assert value("bumpiness.calmetrics", case) == pytest.approx(100 * 0.05 * 24 / 224)  # 5 x 5 around the hole


def test_bad_pixels_over_the_threshold() -> None:
    """Errors 0, 0.1, 0.2, 0.3 in steps of 0.1: 3/4, 2/4, 1/4, 0 at the thresholds; trapezoids 5/8, 3/8, 1/8."""
    chosen = type(metric("bad-pix-curve"))(largest=0.375, steps=3)  # type: ignore[call-arg]
    case = Case.of([[0, 0.125, 0.25, 0.375]], np.zeros((1, 4)))
    at, lines = chosen.curve(chosen.sums(case))  # type: ignore[attr-defined]
    np.testing.assert_allclose(at, [0, 0.125, 0.25, 0.375])
    np.testing.assert_allclose(lines["BadPix"], [0.75, 0.5, 0.25, 0])
    assert value(chosen, case) == pytest.approx((5 + 3 + 1) / 8 / 3)


def test_sparsification() -> None:
    """Errors 1, 2, 3, 6 with the error bar in reverse: kept by sigma 6, 9/2, 11/3, 3; by error 1, 3/2, 2, 3."""
    chosen = type(metric("ause"))(steps=4)  # type: ignore[call-arg]
    e, sigma = np.array([[1.0, 2, 3, 6]]), np.array([[4.0, 3, 2, 1]])
    case = Case.of(e, 0 * e, sigma)
    at, lines = chosen.curve(chosen.sums(case))  # type: ignore[attr-defined]
    np.testing.assert_allclose(at, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(lines["by sigma"] * 3, [6, 4.5, 11 / 3, 3])
    np.testing.assert_allclose(lines["by error"] * 3, [1, 1.5, 2, 3])
    assert value(chosen, case) == pytest.approx((5 + 3 + 5 / 3) / 4 / 3)
    assert value(chosen, Case.of(e, 0 * e, 0.01 * e**2)) == 0  # any increasing function of the error ranks as it does
    assert value("ause", Case.of(0 * e, 0 * e, sigma)) == 0
    square = type(chosen)(steps=2, error="square")  # type: ignore[call-arg]
    assert value(square, case) == pytest.approx((sqrt(45 / 2) - sqrt(5 / 2)) / sqrt(50 / 4) / 2)


def test_equal_error_bars_come_in_no_order() -> None:
    """One sigma for all pixels: nothing is known, whatever the order of pixels; kept by sigma is flat."""
    e = np.array([[1.0, 2, 3, 6]])
    chosen = type(metric("ause"))(steps=4)  # type: ignore[call-arg]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        _, lines = chosen.curve(chosen.sums(Case.of(e[:, order], 0 * e, np.ones_like(e))))  # type: ignore[attr-defined]
        np.testing.assert_allclose(lines["by sigma"], 1)
    tied = Case.of(e, 0 * e, np.array([[1.0, 1.0, 2.0, 2.0]]))
    _, lines = chosen.curve(chosen.sums(tied))  # type: ignore[attr-defined]
    np.testing.assert_allclose(lines["by sigma"] * 3, [1.5, 1.5, 2.5, 3])


def test_an_error_bar_without_knowledge_is_worth_its_share() -> None:
    """Random sigma: the curve by sigma is flat at 1."""
    random = np.random.default_rng(0)
    e = np.abs(random.normal(size=(200, 200)))
    chosen = metric("ause")
    _, lines = chosen.curve(chosen.sums(Case.of(e, 0 * e, random.random(e.shape))))  # type: ignore[attr-defined]
    np.testing.assert_allclose(lines["by sigma"], 1, atol=0.05)


def test_coverage_and_likelihood_of_a_true_sigma() -> None:
    """A Gaussian error: 68.3, 95.4, 99.7 %; the likelihood is best where sigma is right."""
    random = np.random.default_rng(0)
    sigma = random.uniform(0.01, 0.1, (300, 300))
    e = random.normal(size=sigma.shape) * sigma
    for k, share in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):
        assert value(f"coverage.{k}", Case.of(e, 0 * e, sigma)) == pytest.approx(share, abs=0.01)
    right, small, large = (value("nll", Case.of(e, 0 * e, f * sigma)) for f in (1, 0.7, 1.4))
    assert right < min(small, large)


def test_errors_at_a_depth_edge() -> None:
    """A step between columns 19 and 20; with radius 2 columns 17 to 22 count, both sides of the step at distance 0."""
    t = np.where(np.arange(40) < 20, 1.0, 2.0)[None].repeat(5, 0)
    found = t + np.arange(40)
    chosen = EdgeError(radius=2)
    near = chosen.band(t)
    np.testing.assert_array_equal(np.flatnonzero(near[0]), [17, 18, 19, 20, 21, 22])
    assert value(chosen, Case.of(found, t)) == pytest.approx(19.5)
    away = [c for c in range(40) if not 17 <= c <= 22]
    assert value(EdgeError(radius=2, where="away"), Case.of(found, t)) == pytest.approx(np.mean(away))
    assert value("edge-error", Case.of(found, t)) == pytest.approx(np.mean(range(11, 29)))
    assert value("edge-error.away", Case.of(found, t)) == pytest.approx(np.mean([*range(11), *range(29, 40)]))
    assert np.isnan(value("edge-error", Case.of(found, np.ones_like(t))))
    ramp = np.tile(np.linspace(1, 2, 40), (5, 1))
    assert not chosen.band(ramp).any()
    assert chosen.band(0.02 * t).any()
    assert not EdgeError(radius=2, jump=1.5, relative=False).band(t).any()
    assert EdgeError(radius=2, jump=0.9, relative=False).band(t).any()
    gap = t.copy()
    gap[:, 19:21] = np.nan
    assert not chosen.band(gap).any()


def test_boundary_f1() -> None:
    """A row of truth 1 1 2 2 1.1: steps up at the second pair, down at the fourth; the estimate has three others."""
    true = np.array([[1.0, 1.0, 2.0, 2.0, 1.1]])
    once = BoundaryF1(least=0.2, largest=0.2, thresholds=1)
    assert value(once, Case.of(true, true)) == 1
    assert value(once, Case.of([[1.0, 1.0, 2.0, 2.0, 2.0]], true)) == pytest.approx(2 * 1 / (1 + 2))
    assert value(once, Case.of([[1.0, 2.0, 2.0, 2.0, 1.0]], true)) == pytest.approx(2 * 1 / (2 + 2))
    assert value(once, Case.of([[2.0, 2.0, 1.0, 1.0, 2.0]], true)) == 0
    assert value(once, Case.of(true.T * 7, true.T)) == 1
    assert value(once, Case.of(1 / true, 1 / true)) == 1
    soft = np.array([[1.0, 1.0, 1.15, 1.15, 1.15]])
    assert value(once, Case.of(soft, true)) == 0
    both = BoundaryF1(least=0.1, largest=0.2, thresholds=2)
    assert value(both, Case.of(soft, true)) == pytest.approx(1.1 * (2 / 3) / (1.1 + 1.2))
    assert np.isnan(value(once, Case.of(true, soft)))
    assert value(both, Case.of(true, soft)) == pytest.approx(2 / 3)
    holes = true.copy()
    holes[0, 2] = np.nan
    assert value(once, Case.of(true, holes)) == 1
    assert np.isnan(value(once, Case.of(-true, true)))


def reference_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004 by explicit windows, one channel, white = 1."""
    g = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    w = np.outer(g, g) / g.sum() ** 2
    found = []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            x, y = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mx, my = (w * x).sum(), (w * y).sum()
            vx, vy, c = (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum(), (w * (x - mx) * (y - my)).sum()
            found.append((2 * mx * my + 1e-4) * (2 * c + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))
    return float(np.mean(found))


@pytest.mark.parametrize("white", [255, 65535])
def test_similarity_of_pictures(white: int) -> None:
    random = np.random.default_rng(0)
    sharp = random.random((17, 19, 3))
    picture = np.clip(sharp + 0.1 * random.normal(size=sharp.shape), 0, 1)
    case = Case.of([[1.0]], [[1.0]], picture=picture * white, sharp=sharp * white, white=white)
    expected = np.mean([reference_ssim(picture[..., c], sharp[..., c]) for c in range(3)])
    assert value("ssim", case) == pytest.approx(expected, rel=1e-9)
    assert value("psnr", case) == pytest.approx(-10 * log10(((picture - sharp) ** 2).mean()), rel=1e-9)


def test_equal_pictures() -> None:
    one = np.full((12, 12, 3), 7, np.uint8)
    case = Case.of([[1.0]], [[1.0]], picture=one, sharp=one)
    assert value("psnr", case) == np.inf
    assert value("ssim", case) == pytest.approx(1)
