"""``focaldepth estimate``: the main job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.align._alignment import ALIGNERS
from focaldepth.cli import _options, _show, _summary, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._session import current
from focaldepth.cli._truth import judge
from focaldepth.cli._types import mapping
from focaldepth.core.result import DepthResult
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import EstimateSettings


@click.command("estimate", short_help="Depth, error bar and all-in-focus picture of a focal stack.")
@_options.reading
@_options.output("OUT", "Folder for the result: depth.tiff, sigma.tiff, valid.png, all_in_focus, report.html ...")
@_options.settings(EstimateSettings)
@_options.SET
@_options.TRANSFORMS
@_options.saving
@_options.running
def command(inputs: tuple[str, ...], output: str, **options: Any) -> None:
    """Estimate depth, error bar and all-in-focus picture of a focal stack.

    IN is a folder, a glob, several pictures, or one file that holds a stack: multi-page TIFF, OME-TIFF, zip, video,
    HDF5, npy, npz.
    """
    from focaldepth.io._atomic import check_target

    out = Path(output)
    check_target(out, options["overwrite"], inputs=inputs)
    facts, _ = finish(prepare(inputs, options), inputs, out, options, "estimate")
    if options["as_json"]:
        print_json(facts)


@dataclass(frozen=True)
class Prepared:
    """A run that can start: the stack is read and fits the memory."""

    sample: Sample
    settings: EstimateSettings
    start: float

    @property
    def stack(self) -> FocalStack:
        """The frames."""
        return self.sample.stack


def prepare(inputs: Sequence[str], options: _work.Options) -> Prepared:
    """Check names and settings, read the stack, say what was read, check formats and memory: all before the start."""
    from focaldepth.estimate import make_method
    from focaldepth.io.result_folder import check_formats
    from focaldepth.report import mesh

    start = time.monotonic()
    settings = _work.settings_of(options)
    ALIGNERS.resolve(settings.align)
    make_method(settings, mapping(options["method_settings"], "--set"))
    mesh.check_formats(options["mesh"])
    sample = _work.load(inputs, options)
    stack = sample.stack
    check_formats(options["formats"], _work.unit_of(settings, stack), stack.optics)
    _work.check_memory(stack, settings, options)
    return Prepared(sample, settings, start)


def finish(
    ready: Prepared, inputs: Sequence[str], out: Path, options: _work.Options, verb: str
) -> tuple[dict[str, Any], DepthResult]:
    """Estimate, save and show; return the facts of the run and the result."""
    from focaldepth.estimate import estimate
    from focaldepth.io._atomic import RECORD
    from focaldepth.report.save import save

    chosen = mapping(options["method_settings"], "--set")
    loaded = time.monotonic() - ready.start
    with _work.running(options) as run:
        transforms = _work.read_transforms(options["transforms"], ready.stack)
        result = estimate(ready.stack, ready.settings, method_settings=chosen, transforms=transforms, run=run)
        result = _work.signed(result, _work.read_facts(inputs, options), loaded)
        judged = judge(result, ready.sample)
        if judged is not None and judged.truth is not None:
            result = replace(result, extras={**result.extras, "truth": judged.truth})
        run.stage("write", 1)
        names = ("overwrite", "formats", "mesh", "report")
        folder = save(result, out, **{name: options[name] for name in names})
        current().written = str(folder)
    files, kept = _summary.files_of(folder, RECORD)
    facts = {
        "command": verb,
        "version": __version__,
        "output": str(folder),
        "files": files,
        "kept": kept,
        "input": _summary.stack_facts(ready.stack),
        **_summary.result_facts(result),
        "seconds": time.monotonic() - ready.start,
    }
    if judged is not None:
        facts["truth"] = judged.facts()
    if not options["quiet"]:
        _show.written(files)
        _show.kept(kept)
        _show.summary(result, ready.stack.info.warnings, facts["seconds"])
        if judged is not None:
            judged.show()
    return facts, result
