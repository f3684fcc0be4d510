"""``focaldepth demo``: the bundled stack, and how far the result is from its ground truth."""

from __future__ import annotations

from dataclasses import asdict
from importlib.resources import as_file, files
from math import isfinite
from pathlib import Path
from typing import Any

import click
import numpy as np

from focaldepth.cli import _options, _show, _work
from focaldepth.cli._json import print_json
from focaldepth.cli.estimate import finish, prepare
from focaldepth.core.axis import Unit
from focaldepth.core.result import DepthMap, DepthResult
from focaldepth.estimate import EstimateSettings
from focaldepth.metrics._agreement import Agreement, compare, enlarge


@click.command("demo", short_help="Run the bundled stack and compare with its ground truth.")
@_options.output("OUT", "Folder for the result.  [default: focaldepth-demo]", required=False)
@_options.settings(EstimateSettings)
@_options.SET
@_options.saving
@_options.running
def command(output: str | None, **options: Any) -> None:
    """Estimate the depth of the bundled stack (12 rendered pictures of a still life) and compare with its truth.

    Needs no network and no pictures of yours.
    """
    from focaldepth.io._atomic import check_target

    out = Path(output or "focaldepth-demo")
    check_target(out, options["overwrite"])
    missing: dict[str, Any] = dict.fromkeys(_work.READ_OPTIONS)
    options |= {**missing, "focus_unit": "m", "optics": (), "transforms": None}
    with as_file(files("focaldepth") / "data" / "demo") as folder:
        inputs = (str(folder),)
        facts, result = finish(prepare(inputs, options), inputs, out, options, "demo")
        found = against_truth(result, np.load(folder / "ground_truth_depth.npy"))
    facts["truth"] = {name: asdict(one) for name, one in found.items()}
    if not options["quiet"]:
        _print(found)
    if options["as_json"]:
        print_json(facts)


def against_truth(result: DepthResult, truth: np.ndarray) -> dict[str, Agreement]:
    """Compare a result with the demo's truth (planar depth in metres), in dioptres and metres."""
    metres = enlarge(truth, result.map.shape)
    known = DepthMap(metres, Unit.METRE, np.isfinite(metres))
    return {u.value: compare(result.map, known, u, result.optics) for u in (Unit.DIOPTRE, Unit.METRE)}


def _print(found: dict[str, Agreement]) -> None:
    dioptre, metre = found["dioptre"], found["metre"]
    _show.fact("truth", f"mean error {dioptre.mean:.4f} 1/m, {1000 * metre.mean:.1f} mm")
    _show.fact("", f"median error {dioptre.median:.4f} 1/m, {1000 * metre.median:.1f} mm")
    _show.fact("", f"{100 * dioptre.valid_share:.1f} % of the pixels compared (the valid ones)")
    if isfinite(dioptre.within_1_sigma):
        inside = (100 * dioptre.within_1_sigma, 100 * dioptre.within_2_sigma)
        _show.fact("", f"{inside[0]:.0f} % of the errors within 1 sigma, {inside[1]:.0f} % within 2 (ideal: 68, 95)")
