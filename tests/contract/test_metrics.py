"""What holds for every registered metric and each of its variants."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.axis import Unit
from focaldepth.core.errors import SettingError, UnknownNameError
from focaldepth.core.settings import facts as settings_of
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import METRICS, CurveMetric, Metric, metric, metric_names

NAMES = metric_names()
SCALES = ("depth", "depth^2", "1", "%", "dB", "nat")
NEEDS = ("sigma", "confidence", "pictures", "positive depth")
OUTSIDE_COUNTS = {
    "bumpiness.calmetrics",
    "bumpiness.calmetrics-reflect",
    "bumpiness.aifdepthnet",
    "average-uncertainty.dfv",
}
"""Variants of official programs that look at pixels without truth; that is what makes them variants."""


def make(seed: int = 0, noise: float = 0.1, shape: tuple[int, int] = (30, 40), gaps: bool = True) -> Case:
    """A scene with a depth edge, gaps in the truth, an error bar that knows the errors' sizes."""
    random = np.random.default_rng(seed)
    truth = 1 + 0.02 * np.arange(shape[1]) + random.random(shape) * 0.01
    truth = truth + np.where(np.arange(shape[1]) < shape[1] // 2, 0.0, 1.5)
    sigma = random.uniform(0.5, 1.5, shape) * max(noise, 1e-3)
    found = truth + random.normal(size=shape) * sigma * (noise > 0)
    mask = random.random(shape) > 0.1 * gaps
    sharp = random.integers(0, 256, (*shape, 3)).astype(np.uint8)
    picture = np.clip(sharp + random.normal(size=sharp.shape) * 100 * noise, 0, 255).astype(np.uint8)
    return Case(found, np.where(mask, truth, np.nan), mask, Unit.METRE, sigma, random.random(shape), picture, sharp)


def value(chosen: Metric, case: Case) -> float:
    return chosen.value(chosen.sums(case))


@pytest.fixture(params=NAMES, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def chosen(name: str) -> Metric:
    return metric(name)


class TestFacts:
    def test_it_tells_what_it_is(self, chosen: Metric) -> None:
        facts = chosen.facts
        assert facts.title
        assert facts.symbol
        assert facts.formula
        assert facts.source
        assert facts.better in ("lower", "higher") or float(facts.better) >= 0
        assert facts.scale in SCALES
        assert set(facts.needs) <= set(NEEDS)
        assert is_dataclass(chosen)
        assert hash(chosen) == hash(replace(chosen))  # type: ignore[type-var]

    def test_a_variant_differs_from_the_plain_one_or_names_it(self, name: str, chosen: Metric) -> None:
        stem, _, variant = name.partition(".")
        if variant:
            names = {f.name for f in fields(chosen)}  # type: ignore[arg-type]
            assert set(chosen.facts.variants[variant]) <= names
            assert type(chosen) is type(METRICS.get(stem))

    def test_settings_out_of_range_are_refused(self, chosen: Metric) -> None:
        for fact in settings_of(chosen):
            assert fact.help
            bad: Any = "nonsense" if fact.choices else None if fact.low is None else fact.low - 1
            if bad is not None:
                with pytest.raises(SettingError, match=fact.name):
                    replace(chosen, **{fact.name: bad})  # type: ignore[type-var]

    def test_unknown_names_suggest(self) -> None:
        with pytest.raises(UnknownNameError, match=r"unknown metric 'rsme'\. Did you mean rmse"):
            metric("rsme")
        with pytest.raises(
            UnknownNameError, match=r"unknown variant of bumpiness 'calmetric'\. Did you mean calmetrics"
        ):
            metric("bumpiness.calmetric")


class TestValues:
    def test_a_number_and_one_only(self, chosen: Metric) -> None:
        case = make()
        before = [a.copy() for a in (case.found, case.truth, case.sigma, case.picture)]
        assert np.isfinite(value(chosen, case))
        assert value(chosen, case) == value(chosen, case)
        for a, b in zip(before, (case.found, case.truth, case.sigma, case.picture), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_the_truth_itself_is_best(self, chosen: Metric) -> None:
        perfect, noisy = value(chosen, make(noise=0.0)), value(chosen, make(noise=0.3))
        if chosen.facts.better == "lower":
            assert perfect <= noisy
        elif chosen.facts.better == "higher":
            assert perfect >= noisy
        if chosen.facts.scale.startswith("depth") and "sigma" not in chosen.facts.needs:
            assert perfect == 0

    def test_worse_is_worse(self, chosen: Metric) -> None:
        """Three levels of noise, each three times the last; ranks and ratios to sigma do not depend on it."""
        values = [value(chosen, make(noise=n)) for n in (0.01, 0.1, 0.9)]
        if chosen.facts.better == "lower" and chosen.facts.symbol not in ("AUSE", "NLL"):
            assert values[0] <= values[1] <= values[2]
            assert values[0] < values[2] or "Bump" in chosen.facts.symbol
        elif chosen.facts.better == "higher" and chosen.facts.symbol != "compared":
            assert values[0] >= values[1] >= values[2]

    def test_nothing_compared_is_no_number(self, chosen: Metric) -> None:
        nothing = np.full((20, 20), np.nan)
        case = Case(np.ones((20, 20)), nothing, np.zeros((20, 20), bool))
        assert np.isnan(value(chosen, case)) or chosen.facts.symbol == "compared"

    def test_what_it_needs_is_needed(self, chosen: Metric) -> None:
        for need, gone in (
            ("sigma", {"sigma": None}),
            ("confidence", {"confidence": None}),
            ("pictures", {"sharp": None}),
        ):
            without = value(chosen, replace(make(), **gone))
            assert np.isnan(without) == (need in chosen.facts.needs)

    def test_unknown_pixels_do_not_count(self, name: str, chosen: Metric) -> None:
        """Neither where the truth is unknown, nor outside the mask of the protocol."""
        case = make()
        found = np.where(case.mask, case.found, 77.0)
        truth = np.where(case.mask, case.truth, 99.0)
        sigma = np.where(case.mask, case.sigma, 5.0)
        if name not in OUTSIDE_COUNTS:
            assert value(chosen, replace(case, found=found, sigma=sigma)) == value(chosen, case)
            assert value(chosen, replace(case, truth=truth)) == value(chosen, case)

    def test_turning_the_picture_changes_nothing(self, chosen: Metric) -> None:
        case = make()
        turned = {
            f.name: np.ascontiguousarray(plane[:, ::-1])
            for f in fields(case)
            if isinstance(plane := getattr(case, f.name), np.ndarray)
        }
        assert value(chosen, replace(case, **turned)) == pytest.approx(value(chosen, case), rel=1e-9)

    @given(st.floats(0.01, 100))
    def test_the_unit_scales_as_stated(self, name: str, chosen: Metric, factor: float) -> None:
        """Metres or millimetres: depth and depth squared scale, ratios stay."""
        power = {"depth": 1, "depth^2": 2}.get(chosen.facts.scale, 0)
        if "unit of depth" in " ".join([chosen.facts.formula, *(s.help for s in settings_of(chosen))]):
            return
        if name in ("nll", "bad-pix-curve"):
            return
        case = make(noise=0.05)
        assert case.sigma is not None
        scaled = replace(case, found=factor * case.found, truth=factor * case.truth, sigma=factor * case.sigma)
        assert value(chosen, scaled) == pytest.approx(factor**power * value(chosen, case), rel=1e-6)


class TestSums:
    @given(st.lists(st.integers(0, 50), min_size=1, max_size=4, unique=True))
    def test_sums_add(self, chosen: Metric, seeds: list[int]) -> None:
        """Twice the same image pools to its own value."""
        if not chosen.facts.pools:
            return
        total = sum(chosen.sums(make(seed)) for seed in seeds)
        assert chosen.value(2 * np.asarray(total)) == pytest.approx(chosen.value(np.asarray(total)), rel=1e-12)

    def test_pooled_is_the_value_of_all_pixels(self, name: str, chosen: Metric) -> None:
        """Two images beside each other, for metrics that look at each pixel alone."""
        if not chosen.facts.pools or name.startswith(("bumpiness", "boundary-f1", "edge-error", "ssim")):
            return
        a, b = make(1), make(2)
        both = {
            f.name: np.concatenate([p, getattr(b, f.name)])
            for f in fields(a)
            if isinstance(p := getattr(a, f.name), np.ndarray)
        }
        assert chosen.value(chosen.sums(a) + chosen.sums(b)) == pytest.approx(
            value(chosen, replace(a, **both)), rel=1e-9
        )

    def test_a_curve_has_its_lines(self, chosen: Metric) -> None:
        if isinstance(chosen, CurveMetric):
            at, lines = chosen.curve(chosen.sums(make()))
            assert chosen.abscissa
            assert (np.diff(at) > 0).all()
            assert lines
            for line in lines.values():
                assert line.shape == at.shape
                assert np.isfinite(line).all()
