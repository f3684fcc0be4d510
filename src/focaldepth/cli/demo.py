"""``focaldepth demo``: the bundled stack, and how far the result is from its ground truth."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click
import numpy as np

from focaldepth.cli import _options, _work
from focaldepth.cli._json import print_json
from focaldepth.cli.estimate import finish, prepare
from focaldepth.core.axis import Unit
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.estimate import EstimateSettings
from focaldepth.metrics._geometry import enlarge


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
        ready = prepare(inputs, options)
        ready = replace(ready, sample=with_truth(ready.sample, np.load(folder / "ground_truth_depth.npy")))
        facts, _ = finish(ready, inputs, out, options, "demo")
    if options["as_json"]:
        print_json(facts)


def with_truth(sample: Sample, truth: np.ndarray) -> Sample:
    """Return the demo with its truth: planar depth in metres, at half the size."""
    metres = enlarge(truth, sample.stack.shape[:2])
    return replace(sample, truth=DepthMap(metres, Unit.METRE, np.isfinite(metres)))
