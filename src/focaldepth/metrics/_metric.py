"""What a metric offers; each is one file with a last line ``METRIC = ...``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import Unit
from focaldepth.core.errors import UnknownNameError
from focaldepth.core.registry import Registry
from focaldepth.metrics._case import Case

Sums = NDArray[np.float64]
"""(K,) what one image contributes; the sums of several images added are the sums of all their pixels."""

DDFF = "Hazirbas et al., Deep Depth From Focus, ACCV 2018"
DFV = "Yang, Huang, Zhou, Deep Depth from Focus with Differential Focus Volume, CVPR 2022"
AIF = "Wang et al., Bridging Unsupervised and Supervised Depth from Focus via All-in-Focus Supervision, ICCV 2021"
WILD = "Won and Jeon, Learning Depth from Focus in the Wild, ECCV 2022"
EIGEN = "Eigen, Puhrsch, Fergus, Depth Map Prediction from a Single Image, NIPS 2014"


@dataclass(frozen=True)
class MetricFacts:
    """What a metric is.

    Attributes:
        title: for people.
        symbol: short heading of a column.
        formula: the definition in one line; e = estimate - truth, t = truth, means over the compared pixels.
        better: "lower", "higher", or the ideal value as text ("0.683").
        scale: what a value is in: "depth", "depth^2", "1" (a ratio), "%", "dB", "nat".
        needs: what a case must hold beside depth: "sigma", "confidence", "pictures", "positive depth".
        pools: whether sums of images may be added; a rank within an image has no pooled value.
        source: paper with equation, or program.
        variants: name -> settings; among them the definitions of official programs.
    """

    title: str
    symbol: str
    formula: str
    better: str = "lower"
    scale: str = "depth"
    needs: tuple[str, ...] = ()
    pools: bool = True
    source: str = ""
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def unit_text(self, unit: Unit) -> str:
        """Symbol of the unit of a value; empty for a ratio.

        >>> MetricFacts("Mean squared error", "MSE", "mean e^2", scale="depth^2").unit_text(Unit.METRE)
        'm^2'
        """
        names = {"depth": unit.symbol, "1": ""}
        return (
            f"({unit.symbol})^2".replace("(m)", "m") if self.scale == "depth^2" else names.get(self.scale, self.scale)
        )


class Metric(Protocol):
    """A number that says how good a depth map, its error bar or its picture is.

    The two steps are apart, so that the value of an image, the mean over images and the value of all pixels together
    come from the same sums.
    """

    @property
    def facts(self) -> MetricFacts:
        """What it is; a class attribute of most metrics."""

    def sums(self, case: Case) -> Sums:
        """Return what one image contributes."""

    def value(self, sums: Sums) -> float:
        """Return the number; NaN where nothing could be compared."""


@runtime_checkable
class CurveMetric(Metric, Protocol):
    """A metric that is a whole curve; its value is a summary."""

    abscissa: str

    def curve(self, sums: Sums) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
        """Return where the curve is known, (K,), and its lines by name, each (K,)."""


METRICS: Registry[Metric] = Registry("metric", ("metrics",), "METRIC")
"""All metrics: files of ``focaldepth/metrics`` and entry points ``focaldepth.metrics``."""


def metric(name: str) -> Metric:
    """Return a metric by name; ``bumpiness.calmetrics`` is a variant of ``bumpiness``.

    Raises:
        UnknownNameError: no metric, or no variant, of that name.

    >>> metric("delta.2").value(metric("delta.2").sums(Case.of([[1.5, 1.0]], [[1.0, 1.0]])))
    1.0
    """
    stem, _, variant = name.partition(".")
    plain = METRICS.get(stem)
    if not variant:
        return plain
    if variant not in plain.facts.variants:
        raise UnknownNameError(f"variant of {stem}", variant, list(plain.facts.variants))
    changed: Metric = replace(plain, **plain.facts.variants[variant])  # type: ignore[type-var]
    return changed


def metric_names() -> list[str]:
    """Return the names of all metrics and variants; imports them."""
    return [n for stem in METRICS.names() for n in (stem, *(f"{stem}.{v}" for v in METRICS.get(stem).facts.variants))]


def ratio(sums: Sums) -> float:
    """Return sums[0] / sums[1]; NaN where nothing was counted."""
    return float(sums[0] / sums[1]) if sums[1] > 0 else float("nan")


def mean_of(values: NDArray[Any]) -> Sums:
    """Return the sums of a mean: total and count."""
    return np.array([values.sum(dtype=np.float64), values.size], np.float64)
