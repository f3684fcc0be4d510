"""How far a result is from the truth that its input carries."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.cli import _show
from focaldepth.core.axis import Unit
from focaldepth.core.errors import FocalDepthError
from focaldepth.core.result import DepthMap, DepthResult
from focaldepth.core.sample import Sample
from focaldepth.metrics._case import Rules, make_case
from focaldepth.metrics._geometry import in_geometry, place_of_truth
from focaldepth.metrics._scores import evaluate
from focaldepth.report.scale import display_for

_METRICS = {
    "mean": "mae",
    "median": "median-error",
    "valid_share": "valid-share",
    "within_1_sigma": "coverage.1",
    "within_2_sigma": "coverage.2",
}
"""Key of the figure in the JSON of a run -> metric."""


@dataclass(frozen=True)
class Judged:
    """Errors of a result.

    Attributes:
        found: unit -> figures by key; where blur is linear first, then the unit of the result. NaN where unknown.
        truth: (H, W) in unit and geometry of the result, for the report; None where no law leads there.
        why_not: why nothing was compared; empty when something was.
    """

    found: dict[Unit, dict[str, Any]]
    truth: NDArray[np.float32] | None = None
    why_not: str = ""

    def facts(self) -> dict[str, Any]:
        """The errors as plain values."""
        return {unit.value: {"unit": unit.value, **one} for unit, one in self.found.items()}

    def show(self) -> None:
        """Print the errors."""
        if not self.found:
            _show.fact("truth", f"not compared: {self.why_not}")
            return
        first = next(iter(self.found.values()))
        _show.fact("truth", f"mean error {self._both('mean')}")
        _show.fact("", f"median error {self._both('median')}")
        _show.fact("", f"{100 * first['valid_share']:.1f} % of the pixels compared (the valid ones)")
        if isfinite(first["within_1_sigma"]):
            inside = (100 * first["within_1_sigma"], 100 * first["within_2_sigma"])
            _show.fact(
                "", f"{inside[0]:.0f} % of the errors within 1 sigma, {inside[1]:.0f} % within 2 (ideal: 68, 95)"
            )

    def _both(self, name: str) -> str:
        texts = []
        for unit, one in self.found.items():
            value = one[name]
            shown = display_for(0, value, unit)
            texts.append(f"{value * shown.factor:.3g} {shown.symbol}")
        return ", ".join(texts)


def judge(result: DepthResult, sample: Sample) -> Judged | None:
    """Compare a result with the truth of its input; None where the input carries none."""
    if sample.truth is None:
        return None
    truth = in_geometry(sample.truth, place_of_truth(result, sample), result.map.shape)
    found: dict[Unit, dict[str, Any]] = {}
    why_not = ""
    for unit in dict.fromkeys((result.axis.blur_linear(result.optics).unit, result.map.unit)):
        try:
            case = make_case(result.map, truth, Rules(unit), result.optics)
        except FocalDepthError as error:
            why_not = str(error)
            continue
        values = evaluate(case, _METRICS.values())
        found[unit] = {"compared": int(case.compared.sum()), **{key: values[name] for key, name in _METRICS.items()}}
    return Judged(found, _in_unit(truth, result), why_not)


def _in_unit(truth: DepthMap, result: DepthResult) -> NDArray[np.float32] | None:
    try:
        return truth.to(result.map.unit, result.optics).values
    except FocalDepthError:
        return None
