"""``focaldepth estimate``: the main job."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli import _options, _show, _summary, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._session import current
from focaldepth.cli._types import mapping
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
    facts = run(inputs, out, options)
    if options["as_json"]:
        print_json(facts)


def run(inputs: tuple[str, ...], out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Read, estimate, save and show; return the facts of the run."""
    from focaldepth.estimate import estimate
    from focaldepth.report.save import save

    start = time.monotonic()
    stack = _work.load(inputs, options)
    settings = _work.settings_of(options)
    _work.check_memory(stack, settings, options)
    chosen = mapping(options["method_settings"], "--set")
    with _work.running(options) as limits:
        transforms = _work.read_transforms(options["transforms"])
        result = estimate(stack, settings, method_settings=chosen, transforms=transforms, run=limits)
        result = _work.signed(result, _work.read_facts(inputs, options), time.monotonic() - start)
        limits.stage("write", 1)
        folder = save(
            result,
            out,
            overwrite=options["overwrite"],
            formats=options["formats"],
            mesh=options["mesh"],
            report=options["report"],
        )
        current().written = str(folder)
    facts = {
        "command": "estimate",
        "version": __version__,
        "output": str(folder),
        "files": _summary.files_in(folder),
        "input": _summary.stack_facts(stack),
        **_summary.result_facts(result),
    }
    if not options["quiet"]:
        _show.written(facts["files"])
        _show.summary(facts)
    return facts
